/** An answer of CloudWatch Logs that is not a success; rendered by the json-1.1 protocol. */
export class LogsError extends Error {
  override readonly name = 'LogsError';
  /** Error shape, for example `ResourceNotFoundException`. */
  readonly shape: string;
  constructor(shape: string, message: string) {
    super(message);
    this.shape = shape;
  }
}

export const noSuchGroup = () =>
  new LogsError('ResourceNotFoundException', 'The specified log group does not exist.');
export const noSuchStream = () =>
  new LogsError('ResourceNotFoundException', 'The specified log stream does not exist.');
export const invalidParameter = (message: string) => new LogsError('InvalidParameterException', message);
