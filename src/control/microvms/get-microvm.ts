import type { Operation } from '../context.ts';
import { findMicrovm } from './find-microvm.ts';
import { microvmView } from './microvm-view.ts';

/** GetMicrovm */
export const getMicrovm: Operation<'GetMicrovm'> = ({ store, config }, { microvmIdentifier }, caller) =>
  microvmView(findMicrovm(store, caller, microvmIdentifier), config);
