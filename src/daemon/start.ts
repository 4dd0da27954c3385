import { chmodSync, mkdirSync } from 'node:fs';
import { AuditLog } from '../audit/audit-log.ts';
import { ssmRules } from '../authorization/ssm-actions.ts';
import { ExternalS3 } from '../aws/client/external-s3.ts';
import type { FrontDoorOptions } from '../aws/front-door.ts';
import { logsService } from '../aws/logs/operations.ts';
import { ssmActions } from '../aws/ssm/ssm-service.ts';
import type { Config } from '../config/config.ts';
import { dataLayout } from '../config/layout.ts';
import { systemClock } from '../control/clock.ts';
import { createControl } from '../control/control.ts';
import { EventFeed } from '../control/events/event-feed.ts';
import { createEngine } from '../engine/engine.ts';
import { SquibError } from '../errors/squib-error.ts';
import { activityHandlers } from '../extensions/activity.ts';
import { CommandSockets } from '../extensions/commands/command-sockets.ts';
import { commandHandlers } from '../extensions/commands/handlers.ts';
import { eventHandlers } from '../extensions/events.ts';
import { version } from '../extensions/host-description.ts';
import { microvmHandlers } from '../extensions/microvms.ts';
import { createImageBuilder } from '../host/builder/image-builder.ts';
import { BuildPipeline } from '../host/builds/build-pipeline.ts';
import { LocalHost } from '../host/local-host.ts';
import { UidPool } from '../host/microvms/uid-pool.ts';
import { openGuestNetworking } from '../host/network/open.ts';
import { namespaceOf } from '../host/network/uplink.ts';
import { BrowserLinks } from '../ingress/browser-links.ts';
import { guestLimits } from '../ingress/limits/guest-limits.ts';
import { endpointPorts, type Ingress, startIngress } from '../ingress/server.ts';
import { Tokens } from '../ingress/tokens.ts';
import { createLog } from '../log/log.ts';
import { ensureCertificates } from '../setup/certificates.ts';
import { requireSetUp } from '../setup/set-up-parts.ts';
import { LogStore } from '../store/log-store.ts';
import { ObjectStore } from '../store/object-store.ts';
import { openSealer, SealedText } from '../store/sealer.ts';
import { openStore } from '../store/store.ts';
import { startApi } from './api.ts';
import { artifactSources } from './artifacts.ts';
import { openAuthorization } from './authorization.ts';
import { openCloudFormation } from './cloudformation.ts';
import { openConsole } from './console.ts';
import { ensureRootCredential } from './credentials.ts';
import { lockDataDir } from './data-lock.ts';
import { guestApi } from './guest-api.ts';
import { takeInheritedSockets } from './inherited-sockets.ts';
import { listenAddresses } from './listen-addresses.ts';
import { openLogForwarding } from './log-forwarding.ts';
import { openObservability } from './observability.ts';
import { registryLogins } from './registry-logins.ts';

import { openRoleKeys } from './role-keys.ts';

const dayMs = 24 * 60 * 60 * 1000;

/** A running squib. */
export interface Daemon {
  apiUrl: string;
  endpointPort: number;
  /** Engine and accelerator, with the reason for it. */
  engine: string;
  /** Stops listening and lets what is under way end; MicroVMs run on. */
  stop(): Promise<void>;
}

/**
 * Composes all rooms and starts them from the bottom up; the API listens last, when store and machine agree.
 * @param write takes each line of the log.
 * @throws SquibError for what the user can put right.
 */
export async function startDaemon(config: Config, write: (line: string) => void): Promise<Daemon> {
  if (process.getuid?.() !== 0) throw new SquibError('squib needs root.', 'Start it with sudo.');
  const log = createLog(write);
  const inherited = takeInheritedSockets(process.env, process.pid);
  const layout = dataLayout(config.dataDir);
  mkdirSync(config.dataDir, { recursive: true, mode: 0o700 });
  chmodSync(config.dataDir, 0o700); // whoever made it may have made it for everybody
  const lock = lockDataDir(config.dataDir);
  requireSetUp(config.cacheDir);
  for (const folder of [layout.keys, layout.images, layout.microvms, layout.builds]) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }
  const { region, accountId } = config;
  const domain = config.endpoint.domain;
  const root = ensureRootCredential(layout.keys);
  const certificates = await ensureCertificates(config.dataDir, { region, domain });
  const tokens = await Tokens.open(config.dataDir);
  const links = new BrowserLinks(tokens);
  const store = openStore(layout.database);
  const authorization = openAuthorization({
    ...{ store, root, accountId, region, now: Date.now },
    keysDir: layout.keys,
  });
  const audit = new AuditLog({
    ...{ folder: layout.audit, accountId, region, log },
    imageOfMicrovm: (id) => store.microvms.imageArn(id),
  });
  const objects = await ObjectStore.open(layout.objects);
  const externalS3 = config.s3.endpoint === '' ? undefined : new ExternalS3(config.s3, region);
  const forwarding = openLogForwarding(config, log);
  const logs = new LogStore(layout.logs, forwarding.listeners);

  const engine = await createEngine({
    cacheDir: config.cacheDir,
    log,
    accelerator: config.accelerator,
    groups: { name: namespaceOf(config.dataDir).name, settings: config.limits },
  });
  const { cacheDir, mirrors, registries } = config;
  const cacheBytes = config.builds.cacheGiB * 1024 ** 3;
  const builder = createImageBuilder({
    ...{ cacheDir, mirrors, registries, cacheBytes, log },
    login: registryLogins(config),
  });
  const artifacts = artifactSources(config, objects, externalS3);
  const buildTimeoutMs = config.builds.timeoutMinutes * 60_000;
  const uids = new UidPool(config.firstUid);
  const networking = await openGuestNetworking(
    config,
    layout,
    openRoleKeys(config, authorization.serviceRoles),
    log,
  );
  const builds = new BuildPipeline({
    ...{ layout, engine, builder, artifacts, logs, log, uids, networking, domain },
    buildTimeoutMs,
    sealed: new SealedText(openSealer(layout.keys), 'build order'),
    roles: authorization.serviceRoles,
  });
  const host = new LocalHost({
    layout,
    engine,
    logs,
    log,
    uids,
    networking,
    standby: config.standby,
    builds,
    roles: authorization.serviceRoles,
  });

  await host.begin();

  // The ingress fills in its port below; nobody asks for an endpoint's address before the API listens.
  const endpoint = { domain, port: config.endpoint.port };
  const control = createControl({
    store,
    host,
    clock: systemClock,
    tokens,
    config: { endpoint, quotas: config.quotas, activity: config.activity },
    log,
  });
  const events = new EventFeed(store.transitions);
  await control.recover();

  const ingresses: Ingress[] = [];
  let ports = endpointPorts(config.endpoint.port);
  const places =
    inherited.endpoint.length > 0
      ? inherited.endpoint.map((fd) => ({ host: config.endpoint.host, fd }))
      : listenAddresses(config.endpoint.host).map((host) => ({ host }));
  for (const place of places) {
    const ingress = await startIngress({
      ...place,
      ports,
      certificate: certificates.current,
      tokens,
      links,
      directory: control.endpoints,
      dialer: host,
      log,
      accessLog: write,
      limits: (microvmId) =>
        guestLimits(config.endpointLimits, store.microvms.get(microvmId)?.memoryMiB ?? 0),
    });
    ingresses.push(ingress);
    ports = [ingress.port];
    endpoint.port = ingress.port;
  }
  const sweepLogs = () => logs.sweep(Date.now()).catch((error) => log.error('logs.sweep', { error }));
  const logSweep = setInterval(sweepLogs, dayMs).unref();
  sweepLogs();
  const stopping = new AbortController();
  const logReader = logsService(logs, stopping.signal);
  const lambda = authorization.guardLambda(control.operations);
  const logsActions = authorization.guardLogs(logReader.actions);
  const ssm = authorization.guard(ssmActions(store.parameters, Date.now), ssmRules);
  const cloudFormation = openCloudFormation({
    ...{ config, store, authorization, lambda, log },
    objects: externalS3 ?? objects,
    ...{ logs: logsActions, ssm },
  });
  const { accelerator, accelerationReason } = engine;
  const engineName = `QEMU with ${accelerator.toUpperCase()} (${accelerationReason})`;
  const webConsole = openConsole({
    ...{ config, audit, store, endpoint },
    auditFolder: layout.audit,
    engine: engineName,
    findCredential: authorization.findCredential,
    certificate: certificates.current,
  });
  const commandSockets = new CommandSockets(control.commands, log);
  const observability = openObservability({
    ...{ config, store, host, accelerator, version: version() },
    keysDir: layout.keys,
  });
  const services: FrontDoorOptions = {
    handlers: lambda,
    extensions: authorization.extensions({
      ...microvmHandlers(control, links),
      ...eventHandlers(events),
      ...activityHandlers(control),
      ...webConsole.handlers,
      ...commandHandlers(control.commands, commandSockets),
    }),
    webConsole: webConsole.door,
    probes: observability.probes,
    checkS3: authorization.checkS3,
    audit: (record) => audit.record(record),
    objectStore: objects,
    ...(externalS3 && { externalS3 }),
    jsonServices: [
      { ...logReader, actions: logsActions },
      { signingName: 'ssm', actions: ssm, toError: () => undefined },
    ],
    queryServices: [...authorization.services, cloudFormation.service],
    findCredential: authorization.findCredential,
    regions: [region],
    log,
  };
  const api = await startApi(config, inherited.api, services);
  if (config.apiInMicrovms) networking.serveApi(guestApi(services));
  cloudFormation.stacks.recover();
  return {
    apiUrl: `http://localhost:${config.api.port}`,
    endpointPort: endpoint.port,
    engine: engineName,
    async stop() {
      observability.stopping();
      clearInterval(logSweep);
      stopping.abort();
      events.close();
      commandSockets.close();
      webConsole.door.close();
      // Requests that wait for a stack are answered now, else the API would wait for them.
      const stacksClosed = cloudFormation.stacks.close();
      await api.close();
      await stacksClosed;
      await Promise.all(ingresses.map((ingress) => ingress.close()));
      await control.close();
      await host.close();
      await networking.close();
      await engine.close();
      await audit.close();
      artifacts.close();
      await forwarding.close();
      externalS3?.close();
      objects.close();
      store.close();
      lock.release();
    },
  };
}
