/** Counts the payload of streams. */
export interface ByteMeter {
  toGuest: number;
  fromGuest: number;
}
