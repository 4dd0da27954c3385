import { WireError } from '../protocol/wire-error.ts';

export const noSuchGroup = () =>
  new WireError('ResourceNotFoundException', 400, 'The specified log group does not exist.');
export const noSuchStream = () =>
  new WireError('ResourceNotFoundException', 400, 'The specified log stream does not exist.');
export const groupExists = () =>
  new WireError('ResourceAlreadyExistsException', 400, 'The specified log group already exists');
export const streamExists = () =>
  new WireError('ResourceAlreadyExistsException', 400, 'The specified log stream already exists');
export const invalidParameter = (message: string) => new WireError('InvalidParameterException', 400, message);
