import type { StateChangeEvent } from '../../control/events/event.ts';
import { callSquib } from '../api/call.ts';
import type { Connection } from '../api/connection.ts';
import { imageName, shortId } from '../api/lookup.ts';
import { clockTime } from '../time.ts';

/** Events of the past, oldest first: the last `limit`, or all since a moment (epoch milliseconds). */
export async function pastEvents(
  connection: Connection,
  { resource, limit, from = 0 }: { resource?: string | undefined; limit: number; from?: number },
): Promise<StateChangeEvent[]> {
  const found: StateChangeEvent[] = [];
  let nextToken: string | undefined;
  do {
    const page = await callSquib(connection, 'ListEvents', {
      ...(resource !== undefined && { resource }),
      ...(nextToken !== undefined && { nextToken }),
    });
    for (const event of page.items as StateChangeEvent[]) {
      if (found.length === limit || Date.parse(event.time) < from) return found.reverse();
      found.push(event);
    }
    nextToken = page.nextToken ?? undefined;
  } while (nextToken !== undefined);
  return found.reverse();
}

/** One event as a line. @param about what the reader knows it is about: not said again */
export function eventLine(event: StateChangeEvent, about?: string): string {
  const { state, previousState, status, previousStatus, reason } = event.detail;
  const word = (from: string | undefined, to: string) => (from === undefined ? to : `${from} → ${to}`);
  const changed =
    state === previousState && status !== undefined
      ? word(previousStatus, status)
      : word(previousState, state);
  const subject = subjectOf(event);
  const named = event.detail.microvmId !== undefined && event.detail.microvmId === about;
  return [clockTime(event.time), ...(named ? [] : [subject]), changed, reason].join('  ');
}

function subjectOf({ detail }: StateChangeEvent): string {
  const { microvmId, imageArn = '', imageVersion, buildId, connectorId } = detail;
  if (connectorId !== undefined) return `connector ${connectorId}`;
  if (microvmId !== undefined)
    return `microvm ${shortId(microvmId)} (${imageName(imageArn)}:${imageVersion})`;
  if (buildId !== undefined) return `build ${imageName(imageArn)}:${imageVersion}`;
  return imageVersion === undefined
    ? `image ${imageName(imageArn)}`
    : `version ${imageName(imageArn)}:${imageVersion}`;
}
