/** Reasons of an end that somebody wanted. */
const FINE = new Set(['Success.', 'Container Stopped with Exit Code: 0']);

/** Whether a MicroVM ended against somebody's will, or runs on after something that was asked of it could not be done. */
export const isFailure = ({ stateReason }: { stateReason?: string }): boolean =>
  stateReason !== undefined && !FINE.has(stateReason);
