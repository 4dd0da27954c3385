import { WireError } from '../protocol/wire-error.ts';

export const noSuchGroup = () =>
  new WireError('ResourceNotFoundException', 400, 'The specified log group does not exist.');
export const noSuchStream = () =>
  new WireError('ResourceNotFoundException', 400, 'The specified log stream does not exist.');
export const invalidParameter = (message: string) => new WireError('InvalidParameterException', 400, message);
