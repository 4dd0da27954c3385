import { metrics } from '../metrics/metrics.ts';
import type { Outcome } from './service.ts';

/** Names that callers make up must not become series. */
const madeUp = new Set(['UnknownOperationException', 'InvalidAction']);

/**
 * Counts an answered call.
 * @param service signing name that the request claims
 * @param began as `performance.now()` had it at the head of the request
 */
export function countCall(service: string, outcome: Outcome, began: number): void {
  // Of a call that is nobody's not even the service is known to exist.
  const known = outcome.caller !== undefined;
  const name = known ? service : 'unknown';
  const operation = known && !madeUp.has(outcome.error?.code ?? '') ? outcome.operation : 'Unknown';
  metrics.apiRequests.add(1, name, operation, String(outcome.answer.status));
  metrics.apiDuration.observe((performance.now() - began) / 1000, name, operation);
}
