import {
  ResumeMicrovmCommand,
  SuspendMicrovmCommand,
  TerminateMicrovmCommand,
} from '@aws-sdk/client-lambda-microvms';
import { callSquib, type Wire } from '../../src/cli/api/call.ts';
import type { SquibOperations } from '../../src/extensions/squib-model.ts';
import { rootConnection } from './connection.ts';
import { attach, type TestMicrovm, until } from './microvms.ts';
import type { TestSquib } from './squib.ts';

export async function askSuspend(squib: TestSquib, microvmIdentifier: string): Promise<void> {
  await squib.clients.microvms.send(new SuspendMicrovmCommand({ microvmIdentifier }));
}

export async function suspend(squib: TestSquib, microvmIdentifier: string): Promise<void> {
  await askSuspend(squib, microvmIdentifier);
  await until(squib, microvmIdentifier, 'SUSPENDED');
}

export async function askResume(squib: TestSquib, microvmIdentifier: string): Promise<void> {
  await squib.clients.microvms.send(new ResumeMicrovmCommand({ microvmIdentifier }));
}

export async function askTerminate(squib: TestSquib, microvmIdentifier: string): Promise<void> {
  await squib.clients.microvms.send(new TerminateMicrovmCommand({ microvmIdentifier }));
}

export async function terminate(squib: TestSquib, microvmIdentifier: string): Promise<void> {
  await askTerminate(squib, microvmIdentifier);
  await until(squib, microvmIdentifier, 'TERMINATED');
}

/** Ends the daemon as a crash would, and starts it again. */
export async function crash(squib: TestSquib): Promise<void> {
  await squib.down('SIGKILL');
  await squib.up();
}

/** Calls one of squib's own operations as root. */
export function callExtension<Name extends keyof SquibOperations>(
  squib: TestSquib,
  name: Name,
  input: Wire<SquibOperations[Name]['input']>,
): Promise<Wire<SquibOperations[Name]['output']>> {
  return callSquib(rootConnection(squib), name, input);
}

/** Forks; the copies need not run yet. */
export async function fork(
  squib: TestSquib,
  microvmIdentifier: string,
  settings: { count?: number; runHookPayload?: string } = {},
): Promise<TestMicrovm[]> {
  const { items } = await callExtension(squib, 'ForkMicrovm', { microvmIdentifier, ...settings });
  return Promise.all(items.map(({ microvmId, endpoint }) => attach(squib, microvmId, endpoint)));
}
