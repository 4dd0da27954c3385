import { randomBytes, randomInt } from 'node:crypto';

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

const letters = (count: number) =>
  Array.from({ length: count }, () => alphabet[randomInt(alphabet.length)]).join('');

/** In AWS's forms: some clients check prefix and length. */
export const newAccessKeyId = () => `AKIA${letters(16)}`;
export const newUserId = () => `AIDA${letters(17)}`;
/** 40 characters, 240 bits. */
export const newSecretAccessKey = () => randomBytes(30).toString('base64');
