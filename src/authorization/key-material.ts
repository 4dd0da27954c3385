import { randomBytes, randomInt } from 'node:crypto';

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

const letters = (count: number) =>
  Array.from({ length: count }, () => alphabet[randomInt(alphabet.length)]).join('');

/** In AWS's forms: some clients check prefix and length. */
export const newAccessKeyId = () => `AKIA${letters(16)}`;
export const newUserId = () => `AIDA${letters(17)}`;
/** 40 characters, 240 bits. */
export const newSecretAccessKey = () => randomBytes(30).toString('base64');
/** Temporary access key ids begin differently: SDKs and people tell them apart. */
export const newSessionKeyId = () => `ASIA${letters(16)}`;
export const newRoleId = () => `AROA${letters(17)}`;
export const newPolicyId = () => `ANPA${letters(17)}`;
/** 384 bits. */
export const newSessionToken = () => randomBytes(48).toString('base64');
