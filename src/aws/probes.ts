import type { Answer } from './http/answer.ts';
import type { Incoming } from './http/incoming.ts';

/** What monitoring asks for on the API's port, beside all services. */
export interface Probes {
  owns(incoming: Incoming): boolean;
  answer(incoming: Incoming): Promise<Answer>;
}
