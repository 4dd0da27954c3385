import { randomUUID } from 'node:crypto';
import type { ServiceRoles } from '../../authorization/roles/service-roles.ts';
import type { Caller } from '../../aws/caller.ts';
import type { Log } from '../../log/log.ts';
import type { ChangeSet, Stack, StackActor, StackDesign, StackOperation } from '../../store/stack-records.ts';
import type { Store } from '../../store/store.ts';
import type { Services } from '../resources/resource-type.ts';
import { type Blueprint, drawBlueprint, type Lookups, neededCapabilities } from './blueprint.ts';
import { plannedChanges } from './changes.ts';
import { StackEngine, Stopping, setStatus } from './engine.ts';
import {
  alreadyExists,
  changeSetExists,
  changeSetUnavailable,
  exportInUse,
  exportTaken,
  InsufficientCapabilities,
  noSuchChangeSet,
  noSuchStack,
  noUpdates,
  roleUnusable,
  stackBusy,
  terminationProtected,
} from './stack-errors.ts';

export interface StacksParts {
  store: Pick<Store, 'stacks' | 'changeSets' | 'stackEvents' | 'parameters'>;
  services: Omit<Services, 'sleep'>;
  roles: Pick<ServiceRoles, 'trusts' | 'keys'>;
  log: Log;
  accountId: string;
  partition: string;
  /** Epoch milliseconds. */
  now: () => number;
}

/** What a request says about a stack to be made or changed. */
export interface StackWish {
  name: string;
  design: StackDesign;
  capabilities: string[];
  roleArn?: string | undefined;
  onFailure?: Stack['onFailure'] | undefined;
  terminationProtection?: boolean | undefined;
  clientRequestToken?: string | undefined;
}

const settledStates =
  /^(?:CREATE_COMPLETE|UPDATE_COMPLETE|UPDATE_ROLLBACK_COMPLETE|IMPORT_COMPLETE|UPDATE_FAILED|CREATE_FAILED)$/;
/** How long CloudFormation may work in the name of a role. */
const roleSeconds = 43_200;
const nothingToChange =
  "The submitted information didn't contain changes. Submit different information to create a change set.";

/** All stacks of this squib. It is the only writer of their tables, so everything is answered from memory. */
export class Stacks {
  readonly #parts: StacksParts;
  readonly #engine: StackEngine;
  readonly #stacks = new Map<string, Stack>();
  readonly #running = new Map<string, Promise<void>>();
  readonly #stop = new AbortController();
  readonly #lookups: Lookups = {
    exported: (name) => this.exports().find((each) => each.name === name)?.value,
    parameter: (name) => this.findParameter(name),
  };

  constructor(parts: StacksParts) {
    this.#parts = parts;
    for (const stack of parts.store.stacks.all()) this.#stacks.set(stack.id, stack);
    const { store, log, now } = parts;
    this.#engine = new StackEngine({
      ...{ store, log, now },
      services: { ...parts.services, sleep: (milliseconds) => this.#sleep(milliseconds) },
      lookups: this.#lookups,
      checkExports: (stack) => this.#checkExports(stack),
    });
  }

  /** Goes on with what an earlier daemon had begun. */
  recover(): void {
    for (const stack of this.#stacks.values()) if (stack.operation) this.#run(stack);
  }

  /** Lets steps under way reach a point from which the next daemon goes on. */
  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.allSettled(this.#running.values());
  }

  /** Newest first; deleted ones too. */
  all(): Stack[] {
    return [...this.#stacks.values()].sort((a, b) => b.createdAt - a.createdAt);
  }

  /** By name (then it must not be deleted) or ARN. @throws TemplateError */
  find(nameOrId: string): Stack {
    const stack = this.#stacks.get(nameOrId) ?? this.#byName(nameOrId);
    if (!stack) throw noSuchStack(nameOrId);
    return stack;
  }

  /** Resolves when nothing is under way for the stack, at the latest after so many milliseconds. */
  async settled({ id }: Stack, milliseconds: number): Promise<void> {
    const work = this.#running.get(id);
    if (!work || this.#stop.signal.aborted) return;
    let giveUp = () => {};
    const patience = new Promise<void>((resolve) => {
      giveUp = resolve;
    });
    const timer = setTimeout(giveUp, milliseconds);
    this.#stop.signal.addEventListener('abort', giveUp);
    await Promise.race([work, patience]);
    clearTimeout(timer);
    this.#stop.signal.removeEventListener('abort', giveUp);
  }

  exports(): { stackId: string; name: string; value: string }[] {
    return this.all()
      .filter(({ deletedAt }) => deletedAt === undefined)
      .flatMap(({ id, outputs }) =>
        outputs.flatMap(({ exportName: name, value }) =>
          name === undefined ? [] : { stackId: id, name, value },
        ),
      );
  }

  importers(exportName: string): Stack[] {
    return this.all().filter(
      ({ imports, deletedAt }) => deletedAt === undefined && imports.includes(exportName),
    );
  }

  /** @throws TemplateError before anything is made */
  create(wish: StackWish, caller: Caller): Stack {
    const existing = this.#byName(wish.name);
    if (existing) {
      if (wish.clientRequestToken !== undefined && existing.clientRequestToken === wish.clientRequestToken) {
        return existing;
      }
      throw alreadyExists(wish.name);
    }
    const stack = this.#blank(wish, caller);
    const blueprint = drawBlueprint(stack, wish.design, this.#lookups);
    stack.description = blueprint.template.description;
    acknowledge(neededCapabilities(blueprint), wish.capabilities);
    const actor = this.#actor(caller, wish.roleArn);
    this.#stacks.set(stack.id, stack);
    this.#begin(
      stack,
      { kind: 'create', actor, target: wish.design },
      'CREATE_IN_PROGRESS',
      'User Initiated',
    );
    return stack;
  }

  /** @throws TemplateError */
  update(wish: StackWish, caller: Caller): Stack {
    const stack = this.find(wish.name);
    if (!settledStates.test(stack.status)) throw stackBusy(stack);
    const blueprint = drawBlueprint(stack, wish.design, this.#lookups);
    acknowledge(neededCapabilities(blueprint), wish.capabilities);
    if (!this.#differs(stack, wish.design, plannedChanges(stack, blueprint).length)) throw noUpdates();
    this.#startUpdate(stack, wish, caller);
    return stack;
  }

  delete(
    nameOrId: string,
    caller: Caller,
    options: { roleArn?: string | undefined; retain: string[] },
  ): void {
    const stack = this.#stacks.get(nameOrId) ?? this.#byName(nameOrId);
    // Deleting what is not there succeeds.
    if (!stack || stack.deletedAt !== undefined) return;
    if (stack.terminationProtection) throw terminationProtected(stack.name);
    if (stack.operation?.kind === 'delete') return;
    if (stack.operation) throw stackBusy(stack);
    for (const { exportName } of stack.outputs) {
      const [user] = exportName === undefined ? [] : this.importers(exportName);
      if (user) throw exportInUse(String(exportName), user.name);
    }
    for (const changeSet of this.changeSets(stack.id)) this.#parts.store.changeSets.remove(changeSet.id);
    const actor = this.#actor(caller, options.roleArn ?? stack.roleArn);
    const operation = { kind: 'delete' as const, actor, target: stack.design, retain: options.retain };
    this.#begin(stack, operation, 'DELETE_IN_PROGRESS', 'User Initiated');
  }

  /** Ends a failed rollback: tries it once more. */
  continueRollback(nameOrId: string, caller: Caller): void {
    const stack = this.find(nameOrId);
    if (stack.status !== 'UPDATE_ROLLBACK_FAILED') throw stackBusy(stack);
    const actor = this.#actor(caller, stack.roleArn);
    const operation = { kind: 'update' as const, actor, target: stack.design, previous: stack.design };
    this.#begin(stack, { ...operation, phase: 'rollback' }, 'UPDATE_ROLLBACK_IN_PROGRESS', 'User Initiated');
  }

  /** Sorted by time, newest first. */
  changeSets(stackId: string): ChangeSet[] {
    const all = this.#parts.store.changeSets.all().filter((each) => each.stackId === stackId);
    return all.sort((a, b) => b.createdAt - a.createdAt);
  }

  /** @throws ChangeSetNotFound */
  changeSet(nameOrId: string, stackName: string | undefined): ChangeSet {
    const byId = this.#parts.store.changeSets.get(nameOrId);
    if (byId) return byId;
    const stack = stackName === undefined ? undefined : this.find(stackName);
    const found = stack && this.changeSets(stack.id).find(({ name }) => name === nameOrId);
    if (!found) throw noSuchChangeSet(nameOrId);
    return found;
  }

  /** @throws TemplateError for what the template cannot be; a change set without changes is FAILED */
  createChangeSet(
    wish: StackWish & { changeSetName: string; kind: 'CREATE' | 'UPDATE'; description?: string | undefined },
    caller: Caller,
  ): ChangeSet {
    const { kind, name, design } = wish;
    let stack = this.#byName(name) ?? this.#stacks.get(name);
    if (kind === 'CREATE' && stack && stack.status !== 'REVIEW_IN_PROGRESS') throw alreadyExists(name);
    if (kind === 'UPDATE' && !stack) throw noSuchStack(name);
    if (kind === 'UPDATE' && stack && !settledStates.test(stack.status)) throw stackBusy(stack);
    if (stack && this.changeSets(stack.id).some((each) => each.name === wish.changeSetName)) {
      throw changeSetExists(wish.changeSetName);
    }
    const fresh = stack === undefined;
    stack ??= this.#blank(wish, caller);
    const blueprint = drawBlueprint(stack, design, this.#lookups);
    acknowledge(neededCapabilities(blueprint), wish.capabilities);
    if (fresh) {
      this.#stacks.set(stack.id, stack);
      setStatus(this.#parts.store, stack, 'REVIEW_IN_PROGRESS', 'User Initiated', this.#parts.now());
    }
    const changes = plannedChanges(stack, blueprint);
    const empty = kind === 'UPDATE' && !this.#differs(stack, design, changes.length);
    const { partition } = this.#parts;
    const changeSet: ChangeSet = {
      id: `arn:${partition}:cloudformation:${caller.region}:${caller.accountId}:changeSet/${wish.changeSetName}/${randomUUID()}`,
      ...{ name: wish.changeSetName, stackId: stack.id, stackName: stack.name, kind, design, changes },
      status: empty ? 'FAILED' : 'CREATE_COMPLETE',
      statusReason: empty ? nothingToChange : leftOut(blueprint),
      executionStatus: empty ? 'UNAVAILABLE' : 'AVAILABLE',
      ...{ capabilities: wish.capabilities, roleArn: wish.roleArn, onFailure: wish.onFailure },
      ...{ description: wish.description, createdAt: this.#parts.now() },
    };
    this.#parts.store.changeSets.put(changeSet.id, changeSet);
    return changeSet;
  }

  executeChangeSet(changeSet: ChangeSet, caller: Caller, disableRollback: boolean): void {
    const stack = this.find(changeSet.stackId);
    if (changeSet.executionStatus !== 'AVAILABLE') throw changeSetUnavailable(changeSet);
    const { design, capabilities, roleArn } = changeSet;
    const onFailure = disableRollback ? 'DO_NOTHING' : (changeSet.onFailure ?? 'ROLLBACK');
    if (changeSet.kind === 'CREATE') {
      const actor = this.#actor(caller, roleArn);
      Object.assign(stack, { onFailure, capabilities, roleArn, design });
      this.#begin(stack, { kind: 'create', actor, target: design }, 'CREATE_IN_PROGRESS', 'User Initiated');
    } else {
      if (!settledStates.test(stack.status)) throw stackBusy(stack);
      this.#startUpdate(stack, { name: stack.name, design, capabilities, roleArn, onFailure }, caller);
    }
    const { store } = this.#parts;
    for (const other of this.changeSets(stack.id)) store.changeSets.remove(other.id);
    store.changeSets.put(changeSet.id, { ...changeSet, executionStatus: 'EXECUTE_COMPLETE' });
  }

  deleteChangeSet(changeSet: ChangeSet): void {
    this.#parts.store.changeSets.remove(changeSet.id);
  }

  setTerminationProtection(nameOrId: string, on: boolean): Stack {
    const stack = this.find(nameOrId);
    stack.terminationProtection = on;
    this.#parts.store.stacks.put(stack.id, stack);
    return stack;
  }

  /** Value of a parameter of Systems Manager, by its name. */
  findParameter(name: string): string | undefined {
    return this.#parts.store.parameters.get(name)?.value;
  }

  #byName(name: string): Stack | undefined {
    return this.all().find((stack) => stack.name === name && stack.deletedAt === undefined);
  }

  #blank(wish: StackWish, caller: Caller): Stack {
    const { name, design, capabilities, roleArn, clientRequestToken } = wish;
    const prefix = `arn:${this.#parts.partition}:cloudformation:${caller.region}:${caller.accountId}`;
    return {
      ...{ id: `${prefix}:stack/${name}/${randomUUID()}`, name, design, capabilities, roleArn },
      ...{ status: 'CREATE_IN_PROGRESS', resources: {}, outputs: [], imports: [], clientRequestToken },
      onFailure: wish.onFailure ?? 'ROLLBACK',
      terminationProtection: wish.terminationProtection ?? false,
      createdAt: this.#parts.now(),
    };
  }

  #differs(stack: Stack, design: StackDesign, changes: number): boolean {
    if (changes > 0 || JSON.stringify(stack.design.tags) !== JSON.stringify(design.tags)) return true;
    // Outputs may change without a resource.
    const outputs = drawBlueprint(stack, design, this.#lookups).outputs(stack.resources);
    return JSON.stringify(outputs) !== JSON.stringify(stack.outputs);
  }

  #startUpdate(stack: Stack, wish: StackWish, caller: Caller): void {
    const actor = this.#actor(caller, wish.roleArn ?? stack.roleArn);
    stack.onFailure = wish.onFailure ?? 'ROLLBACK';
    stack.capabilities = wish.capabilities;
    stack.roleArn = wish.roleArn ?? stack.roleArn;
    stack.updatedAt = this.#parts.now();
    const operation = { kind: 'update' as const, actor, target: wish.design, previous: stack.design };
    this.#begin(stack, operation, 'UPDATE_IN_PROGRESS', 'User Initiated');
  }

  #begin(
    stack: Stack,
    operation: Pick<StackOperation, 'kind' | 'actor' | 'target'> & Partial<StackOperation>,
    status: string,
    reason: string,
  ): void {
    stack.operation = { id: randomUUID(), phase: 'forward', leftovers: [], retain: [], ...operation };
    setStatus(this.#parts.store, stack, status, reason, this.#parts.now());
    this.#run(stack);
  }

  #run(stack: Stack): void {
    const work = this.#engine.run(stack).catch((error) => {
      if (!(error instanceof Stopping)) this.#parts.log.error('stack.operation', { stack: stack.id, error });
    });
    this.#running.set(stack.id, work);
    work.finally(() => {
      if (this.#running.get(stack.id) === work) this.#running.delete(stack.id);
    });
  }

  /** The caller, or the role that it passes. */
  #actor(caller: Caller, roleArn: string | undefined): StackActor {
    const { accountId, accessKeyId, arn, userId, region } = caller;
    const actor = { accountId, accessKeyId, arn, userId, region };
    if (roleArn === undefined) return actor;
    const { roles, partition } = this.#parts;
    const keys = roles.trusts(roleArn, { accountId }, 'cloudformation.amazonaws.com')
      ? roles.keys(roleArn, 'AWSCloudFormation', roleSeconds)
      : undefined;
    if (!keys) throw roleUnusable(roleArn);
    const name = roleArn.slice(roleArn.lastIndexOf('/') + 1);
    const session = `arn:${partition}:sts::${accountId}:assumed-role/${name}/AWSCloudFormation`;
    return { ...actor, accessKeyId: keys.accessKeyId, arn: session };
  }

  #checkExports(stack: Stack): void {
    for (const { exportName } of stack.outputs) {
      const other = this.exports().find(({ name, stackId }) => name === exportName && stackId !== stack.id);
      if (other) throw exportTaken(String(exportName), other.stackId);
    }
  }

  #sleep(milliseconds: number): Promise<void> {
    const { signal } = this.#stop;
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(new Stopping());
      const stop = () => {
        clearTimeout(timer);
        reject(new Stopping());
      };
      const timer = setTimeout(() => {
        signal.removeEventListener('abort', stop);
        resolve();
      }, milliseconds);
      signal.addEventListener('abort', stop, { once: true });
    });
  }
}

/** @throws InsufficientCapabilities */
function acknowledge(needed: string[], given: string[]): void {
  const all = given.includes('CAPABILITY_NAMED_IAM') ? [...given, 'CAPABILITY_IAM'] : given;
  const lacking = needed.filter((each) => !all.includes(each));
  if (lacking.length > 0) throw new InsufficientCapabilities(lacking);
}

const leftOut = ({ skipped }: Blueprint) =>
  skipped.list() === '' ? undefined : `Without what squib does not have: ${skipped.list()}`;
