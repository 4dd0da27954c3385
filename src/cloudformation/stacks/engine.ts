import { randomBytes, randomUUID } from 'node:crypto';
import type { Log } from '../../log/log.ts';
import type { Stack, StackDesign, StackOperation, StackResource } from '../../store/stack-records.ts';
import type { Store } from '../../store/store.ts';
import { resourceTypes } from '../resources/registry.ts';
import type { ResourceType, Services, Work } from '../resources/resource-type.ts';
import { type Blueprint, drawBlueprint, type Lookups } from './blueprint.ts';
import { same } from './changes.ts';

export interface EngineParts {
  store: Pick<Store, 'stacks' | 'stackEvents'>;
  services: Services;
  lookups: Lookups;
  /** @throws TemplateError when another stack exports a name of this stack's */
  checkExports(stack: Stack): void;
  log: Log;
  /** Epoch milliseconds. */
  now: () => number;
}

/** squib is stopping: the operation goes on at the next start. */
export class Stopping extends Error {
  override readonly name = 'Stopping';
}

/** What `status` of a stack is called while and after an operation. */
const STATUS = {
  create: 'CREATE',
  update: 'UPDATE',
  delete: 'DELETE',
} as const;

/**
 * Carries out what was recorded as a stack's operation. Every step is written down before it is done; a step that a
 * crash interrupted is done again with the same token and the same name, so it ends as if it had been done once.
 */
export class StackEngine {
  readonly #parts: EngineParts;

  constructor(parts: EngineParts) {
    this.#parts = parts;
  }

  /** Resolves when the operation has ended one way or the other; rejects only with {@link Stopping}. */
  async run(stack: Stack): Promise<void> {
    const { operation } = stack;
    if (!operation) return;
    if (operation.kind === 'delete') return this.#delete(stack, operation);
    try {
      if (operation.phase === 'forward') await this.#forward(stack, operation);
      if (operation.phase === 'cleanup') return await this.#cleanup(stack, operation);
    } catch (error) {
      if (error instanceof Stopping) throw error;
      await this.#failed(stack, operation, error as Error);
    }
    if (operation.phase === 'rollback') await this.#rollback(stack, operation);
  }

  async #forward(stack: Stack, operation: StackOperation): Promise<void> {
    const blueprint = drawBlueprint(stack, operation.target, this.#parts.lookups);
    for (const [logicalId, type] of blueprint.skipped.entries()) {
      const skipped = { logicalId, type, status: `${STATUS[operation.kind]}_SKIPPED`, properties: {} };
      this.#event(stack, skipped, `squib does not have ${type}: the stack is made without it.`);
    }
    await this.#apply(stack, operation, blueprint, operation.target);
    stack.outputs = blueprint.outputs(stack.resources);
    stack.imports = [...blueprint.imports];
    this.#parts.checkExports(stack);
    stack.design = operation.target;
    stack.description = blueprint.template.description;
    operation.phase = 'cleanup';
    if (operation.leftovers.length > 0) this.#status(stack, 'UPDATE_COMPLETE_CLEANUP_IN_PROGRESS');
    this.#save(stack);
  }

  async #cleanup(stack: Stack, operation: StackOperation): Promise<void> {
    await this.#removeLeftovers(stack, operation);
    stack.operation = undefined;
    this.#status(stack, `${STATUS[operation.kind]}_COMPLETE`);
  }

  async #failed(stack: Stack, operation: StackOperation, error: Error): Promise<void> {
    const failed = Object.values(stack.resources).filter(({ status }) => status.endsWith('_FAILED'));
    const why =
      failed.length > 0
        ? `The following resource(s) failed to ${operation.kind}: [${failed.map(({ logicalId }) => logicalId).join(', ')}]. `
        : error.message;
    operation.reason = why;
    if (stack.onFailure === 'DO_NOTHING') {
      stack.operation = undefined;
      this.#status(stack, `${STATUS[operation.kind]}_FAILED`, why);
      return;
    }
    operation.phase = 'rollback';
    const status = operation.kind === 'create' ? 'ROLLBACK_IN_PROGRESS' : 'UPDATE_ROLLBACK_IN_PROGRESS';
    const more = operation.kind === 'create' ? 'Rollback requested by user.' : '';
    this.#status(stack, status, `${why}${failed.length > 0 ? more : ''}`.trim());
  }

  async #rollback(stack: Stack, operation: StackOperation): Promise<void> {
    try {
      if (operation.kind === 'create') {
        await this.#removeAll(stack, operation, true);
        stack.outputs = [];
        stack.operation = undefined;
        if (stack.onFailure === 'DELETE') {
          stack.deletedAt = this.#parts.now();
          this.#status(stack, 'DELETE_COMPLETE');
        } else this.#status(stack, 'ROLLBACK_COMPLETE');
        return;
      }
      const design = operation.previous ?? stack.design;
      this.#bringBack(stack, operation);
      const blueprint = drawBlueprint(stack, design, this.#parts.lookups);
      await this.#apply(stack, operation, blueprint, design);
      this.#status(stack, 'UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS');
      await this.#removeLeftovers(stack, operation);
      stack.operation = undefined;
      this.#status(stack, 'UPDATE_ROLLBACK_COMPLETE');
    } catch (error) {
      if (error instanceof Stopping) throw error;
      // The operation stays, so that ContinueUpdateRollback or a deletion knows what there is.
      const status = operation.kind === 'create' ? 'ROLLBACK_FAILED' : 'UPDATE_ROLLBACK_FAILED';
      stack.operation = undefined;
      stack.design = operation.previous ?? stack.design;
      for (const left of operation.leftovers) stack.resources[`${left.logicalId}Leftover`] = left;
      this.#status(stack, status, (error as Error).message);
    }
  }

  /** Replaced resources take their places again; their replacements go in their stead. */
  #bringBack(stack: Stack, operation: StackOperation): void {
    if (operation.restored) return;
    operation.restored = true;
    const old = operation.leftovers;
    operation.leftovers = [];
    for (const resource of old) {
      const now = stack.resources[resource.logicalId];
      if (now) operation.leftovers.push(now);
      stack.resources[resource.logicalId] = resource;
    }
    this.#save(stack);
  }

  async #delete(stack: Stack, operation: StackOperation): Promise<void> {
    try {
      await this.#removeAll(stack, operation, false);
      stack.operation = undefined;
      stack.deletedAt = this.#parts.now();
      this.#status(stack, 'DELETE_COMPLETE');
    } catch (error) {
      if (error instanceof Stopping) throw error;
      const failed = Object.values(stack.resources).filter(({ status }) => status === 'DELETE_FAILED');
      stack.operation = undefined;
      const names = failed.map(({ logicalId }) => logicalId).join(', ');
      this.#status(stack, 'DELETE_FAILED', `The following resource(s) failed to delete: [${names}]. `);
    }
  }

  /** Makes the stack's resources what the blueprint says, each when those it needs are there. */
  async #apply(
    stack: Stack,
    operation: StackOperation,
    blueprint: Blueprint,
    design: StackDesign,
  ): Promise<void> {
    let failure: unknown;
    const done = new Map<string, Promise<void>>();
    const start = (id: string): Promise<void> => {
      const known = done.get(id);
      if (known) return known;
      const work = (async () => {
        await Promise.all((blueprint.dependencies.get(id) ?? []).map(start));
        if (failure !== undefined) throw failure;
        try {
          await this.#settleResource(stack, operation, blueprint, design, id);
        } catch (error) {
          failure ??= error;
          throw error;
        }
      })();
      done.set(id, work);
      return work;
    };
    const ended = await Promise.allSettled([...blueprint.included].map(start));
    const stopped = ended.find((each) => each.status === 'rejected' && each.reason instanceof Stopping);
    if (stopped) throw new Stopping();
    if (failure !== undefined) throw failure;
    for (const resource of Object.values(stack.resources)) {
      if (blueprint.included.has(resource.logicalId)) continue;
      operation.leftovers.push(resource);
      delete stack.resources[resource.logicalId];
    }
    this.#save(stack);
  }

  async #settleResource(
    stack: Stack,
    operation: StackOperation,
    blueprint: Blueprint,
    design: StackDesign,
    id: string,
  ): Promise<void> {
    const definition = blueprint.template.resources[id];
    const type = resourceTypes.get(definition?.Type ?? '');
    if (!definition || !type) throw new Error(`There is no resource ${id}.`);
    const now = stack.resources[id];
    const frame = {
      dependsOn: [...(blueprint.dependencies.get(id) ?? [])],
      deletionPolicy: definition.DeletionPolicy,
    };
    let properties: StackResource['properties'];
    try {
      properties = blueprint.properties(id, stack.resources);
    } catch (error) {
      const blank = { logicalId: id, type: type.type, properties: {}, attributes: {}, name: '', ...frame };
      const failed = {
        ...(now ?? { ...blank, updatedAt: 0 }),
        status: now ? 'UPDATE_FAILED' : 'CREATE_FAILED',
      };
      this.#put(stack, failed as StackResource, (error as Error).message);
      throw error;
    }
    const settled = now?.status.endsWith('_COMPLETE') ?? false;
    if (now && settled && now.type === type.type && same(now.properties, properties)) {
      stack.resources[id] = { ...now, ...frame };
      return;
    }
    const made =
      now?.physicalId !== undefined && now.status !== 'CREATE_IN_PROGRESS' && now.status !== 'CREATE_FAILED';
    const replaces =
      !made ||
      now.type !== type.type ||
      type.replacing.some((name) => !same(now.properties[name], properties[name]));
    if (now && made && !replaces)
      return this.#change(stack, operation, design, type, { ...now, ...frame }, properties);
    if (now && made) {
      operation.leftovers.push(
        definition.UpdateReplacePolicy === 'Retain' ? { ...now, deletionPolicy: 'Retain' } : now,
      );
    }
    const repeated = now !== undefined && !made;
    const name = repeated && now.name ? now.name : chooseName(stack, id, type, properties);
    const fresh: StackResource = {
      ...{ logicalId: id, type: type.type, status: 'CREATE_IN_PROGRESS', properties, attributes: {}, name },
      ...{ ...frame, updatedAt: this.#parts.now() },
      ...(repeated && now.physicalId !== undefined && { physicalId: now.physicalId }),
    };
    await this.#step(stack, fresh, 'CREATE', (work) => type.create({ ...work, repeated }), operation, design);
  }

  async #change(
    stack: Stack,
    operation: StackOperation,
    design: StackDesign,
    type: ResourceType,
    now: StackResource,
    properties: StackResource['properties'],
  ): Promise<void> {
    const before = now.properties;
    const physicalId = now.physicalId ?? '';
    const next = { ...now, properties, status: 'UPDATE_IN_PROGRESS' };
    const change = (work: Work) =>
      type.update({ ...work, repeated: now.status === 'UPDATE_IN_PROGRESS', physicalId, before });
    await this.#step(stack, next, 'UPDATE', change, operation, design);
  }

  async #step(
    stack: Stack,
    resource: StackResource,
    verb: 'CREATE' | 'UPDATE',
    act: (work: Work) => ReturnType<ResourceType['create']>,
    operation: StackOperation,
    design: StackDesign,
  ): Promise<void> {
    this.#put(stack, resource);
    const work: Work = {
      ...this.#common(operation, resource),
      ...{ name: resource.name, repeated: false, stackTags: design.tags },
      made: (physicalId) => {
        resource.physicalId = physicalId;
        this.#put(stack, resource, 'Resource creation Initiated');
      },
    };
    try {
      const { physicalId, attributes } = await act(work);
      this.#put(stack, { ...resource, physicalId, attributes, status: `${verb}_COMPLETE` });
    } catch (error) {
      if (error instanceof Stopping) throw error;
      this.#put(stack, { ...resource, status: `${verb}_FAILED` }, (error as Error).message);
      throw error;
    }
  }

  #common(operation: StackOperation, resource: StackResource) {
    const { services } = this.#parts;
    return {
      services,
      caller: { ...operation.actor, requestId: operation.id },
      properties: resource.properties,
      // A rollback changes a resource a second time within one operation.
      token: `${operation.id}-${operation.phase}-${resource.logicalId}`.slice(0, 128),
      stackTags: {},
    };
  }

  /** @param created of a rollback: `RetainExceptOnCreate` does not retain what this operation made. */
  async #removeAll(stack: Stack, operation: StackOperation, created: boolean): Promise<void> {
    const done = new Map<string, Promise<void>>();
    const all = Object.values(stack.resources);
    const remove = (resource: StackResource): Promise<void> => {
      const { logicalId } = resource;
      const known = done.get(logicalId);
      if (known) return known;
      const work = (async () => {
        const users = all.filter(({ dependsOn }) => dependsOn.includes(logicalId));
        await Promise.all(users.map(remove));
        const { deletionPolicy: policy } = resource;
        const kept = policy === 'Retain' || (policy === 'RetainExceptOnCreate' && !created);
        const retained = kept || operation.retain.includes(logicalId);
        await this.#remove(stack, operation, resource, retained);
        delete stack.resources[logicalId];
        this.#save(stack);
      })();
      done.set(logicalId, work);
      return work;
    };
    const ended = await Promise.allSettled(all.map(remove));
    const failed = ended.filter((each) => each.status === 'rejected');
    const stopped = failed.find(({ reason }) => reason instanceof Stopping);
    if (stopped) throw stopped.reason;
    if (failed[0]) throw failed[0].reason;
  }

  async #removeLeftovers(stack: Stack, operation: StackOperation): Promise<void> {
    // Users before what they use: the newest were pushed last.
    for (const resource of [...operation.leftovers].reverse()) {
      try {
        await this.#remove(stack, operation, resource, resource.deletionPolicy === 'Retain', true);
      } catch (error) {
        if (error instanceof Stopping) throw error;
        this.#parts.log.warn('stack.cleanup', { stack: stack.id, logicalId: resource.logicalId, error });
      }
      operation.leftovers = operation.leftovers.filter((each) => each !== resource);
      this.#save(stack);
    }
  }

  async #remove(
    stack: Stack,
    operation: StackOperation,
    resource: StackResource,
    retained: boolean,
    leftover = false,
  ): Promise<void> {
    const { physicalId } = resource;
    const note = (status: string, reason?: string) => {
      const noted = { ...resource, status };
      if (leftover) this.#event(stack, noted, reason);
      else this.#put(stack, noted, reason);
    };
    if (retained) return note('DELETE_SKIPPED');
    if (physicalId === undefined) return;
    note('DELETE_IN_PROGRESS');
    try {
      await resourceTypes
        .get(resource.type)
        ?.delete({ ...this.#common(operation, resource), name: resource.name, physicalId });
      note('DELETE_COMPLETE');
    } catch (error) {
      if (!(error instanceof Stopping)) note('DELETE_FAILED', (error as Error).message);
      throw error;
    }
  }

  /** Writes a resource's new state and its event. */
  #put(stack: Stack, resource: StackResource, reason?: string): void {
    const updatedAt = this.#parts.now();
    stack.resources[resource.logicalId] = { ...resource, reason, updatedAt };
    this.#save(stack);
    this.#event(stack, resource, reason);
  }

  #event(
    stack: Stack,
    resource: Pick<StackResource, 'logicalId' | 'physicalId' | 'type' | 'status' | 'properties'>,
    reason?: string,
  ): void {
    const { logicalId, physicalId, type, status, properties } = resource;
    this.#parts.store.stackEvents.add({
      ...{ id: `${logicalId}-${randomUUID()}`, stackId: stack.id, stackName: stack.name },
      ...{ logicalId, physicalId: physicalId ?? '', type, status, reason, at: this.#parts.now() },
      properties: JSON.stringify(properties),
    });
  }

  /** Writes the stack's new state and its event. */
  #status(stack: Stack, status: string, reason?: string): void {
    setStatus(this.#parts.store, stack, status, reason, this.#parts.now());
  }

  #save(stack: Stack): void {
    this.#parts.store.stacks.put(stack.id, stack);
  }
}

/** Records a new state of a stack with its event. */
export function setStatus(
  store: Pick<Store, 'stacks' | 'stackEvents'>,
  stack: Stack,
  status: string,
  reason: string | undefined,
  at: number,
): void {
  stack.status = status;
  stack.statusReason = reason;
  store.stacks.put(stack.id, stack);
  store.stackEvents.add({
    ...{ id: randomUUID(), stackId: stack.id, stackName: stack.name, logicalId: stack.name },
    ...{ physicalId: stack.id, type: 'AWS::CloudFormation::Stack', status, reason, at },
  });
}

/** The name that the template gives, or `stack-LogicalId-RANDOM` in the form that the type wants. */
function chooseName(
  stack: Stack,
  id: string,
  type: ResourceType,
  properties: StackResource['properties'],
): string {
  const given = type.nameProperty === undefined ? undefined : properties[type.nameProperty];
  if (given !== undefined && given !== null && given !== '') return String(given);
  const { longest = 255, lowerCase = false } = type.names ?? {};
  const random = randomBytes(6).toString('hex').toUpperCase();
  const room = Math.floor((longest - random.length - 2) / 2);
  const name = `${stack.name.slice(0, room)}-${id.slice(0, room)}-${random}`;
  return lowerCase ? name.toLowerCase() : name;
}
