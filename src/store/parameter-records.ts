/** A parameter of Systems Manager. Times are epoch milliseconds. */
export interface Parameter {
  /** With slashes where it has a path. */
  name: string;
  type: 'String' | 'StringList';
  /** Items of a list are separated by commas. */
  value: string;
  /** Counts changes from 1. */
  version: number;
  description?: string | undefined;
  allowedPattern?: string | undefined;
  tags: Record<string, string>;
  modifiedAt: number;
}
