import { Counter, Gauge, Histogram } from './metric.ts';

/** Bounds in seconds, for what takes a moment on the host: answers, restores, hooks. */
const moments = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
/** For what people wait for: the parts of a build. */
const waits = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 60, 120, 300, 600, 1800, 3600];
const bytes = [2 ** 18, 2 ** 20, 2 ** 22, 2 ** 24, 2 ** 26, 2 ** 28, 2 ** 30, 2 ** 32];

/**
 * Everything that squib measures of itself, one set for the process. Labels have few values and never names or ids of
 * tenants: whoever may read metrics need not learn who runs what, and no tenant can make series without end.
 * `docs/observability.md` explains each; a test joins the two.
 */
export const metrics = {
  info: new Gauge('squib_info', 'Always 1; the labels say what runs.', ['version', 'accelerator']),

  microvms: new Gauge('squib_microvms', 'MicroVMs that have not ended.', ['state']),
  images: new Gauge('squib_images', 'MicroVM images.', ['state']),
  builds: new Gauge('squib_builds', 'Builds that wait or run.', ['state']),
  allocatedMemory: new Gauge(
    'squib_memory_allocated_bytes',
    'Baseline memory of all MicroVMs that count against the quota.',
  ),
  memoryQuota: new Gauge('squib_memory_quota_bytes', 'The quota of baseline memory.'),

  step: new Histogram(
    'squib_microvm_step_duration_seconds',
    'Steps in the life of MicroVMs: run, suspend, resume, terminate, fork as a whole; restore is a part of run and resume.',
    moments,
    ['step', 'result'],
  ),
  hook: new Histogram(
    'squib_hook_duration_seconds',
    'Lifecycle and build hooks, from the first attempt to the last answer.',
    moments,
    ['hook', 'result'],
  ),
  buildPhase: new Histogram(
    'squib_build_phase_duration_seconds',
    'Parts of image builds: fetch, container, snapshot, validate; all is the whole build.',
    waits,
    ['phase', 'result'],
  ),
  suspendDirty: new Histogram(
    'squib_suspend_dirty_bytes',
    'Memory that a MicroVM had changed since its snapshot when it was suspended.',
    bytes,
  ),

  standbys: new Gauge('squib_standbys', 'Machines restored ahead that wait for a RunMicrovm.'),
  starts: new Counter('squib_microvm_starts_total', 'MicroVMs started, by what they were started from.', [
    'from',
  ]),

  residentMemory: new Gauge(
    'squib_microvms_resident_bytes',
    'Memory of all MicroVMs in RAM; pages of a snapshot are counted for each of its MicroVMs.',
  ),
  ownMemory: new Gauge('squib_microvms_own_bytes', 'Memory of all MicroVMs that nothing else shares.'),
  dirtyMemory: new Gauge(
    'squib_microvms_dirty_bytes',
    'Memory that running MicroVMs have changed since their snapshots; looked at once a minute.',
  ),
  disk: new Gauge('squib_microvms_disk_bytes', 'What all MicroVMs have written to their disks.'),
  cpu: new Counter('squib_microvms_cpu_seconds_total', 'Processor time of all MicroVMs.'),
  egress: new Counter('squib_egress_bytes_total', 'Bytes of MicroVMs to and from networks.', ['direction']),
  endpointBytes: new Counter('squib_endpoint_bytes_total', 'Bytes of MicroVMs through their endpoints.', [
    'direction',
  ]),

  apiRequests: new Counter(
    'squib_api_requests_total',
    'Answered calls of the API; code is the HTTP status.',
    ['service', 'operation', 'code'],
  ),
  apiDuration: new Histogram(
    'squib_api_request_duration_seconds',
    'Calls of the API, from the head of the request to the answer.',
    moments,
    ['service', 'operation'],
  ),
  endpointRequests: new Counter(
    'squib_endpoint_requests_total',
    'Requests at the endpoints of MicroVMs; code is the class of the status, or 0 when the client left before the answer.',
    ['protocol', 'code'],
  ),
  endpointDuration: new Histogram(
    'squib_endpoint_request_duration_seconds',
    'Requests at the endpoints, from the head of the request to the end of the answer.',
    moments,
    ['protocol'],
  ),

  processCpu: new Counter('process_cpu_seconds_total', 'Processor time of the daemon.'),
  processResident: new Gauge('process_resident_memory_bytes', 'Memory of the daemon in RAM.'),
  processStart: new Gauge('process_start_time_seconds', 'When the daemon started, in Unix time.'),
  processFiles: new Gauge('process_open_fds', 'Open file descriptors of the daemon.'),
  heap: new Gauge('nodejs_heap_size_used_bytes', 'JavaScript objects of the daemon.'),
  eventLoop: new Gauge(
    'nodejs_eventloop_utilization_ratio',
    'Share of the time since the last scrape in which the event loop was busy.',
  ),
};

/** Takes the time of `work`; the last label, `result`, is `ok` or `failed`. */
export async function timed<Result>(
  histogram: Histogram,
  label: string,
  work: () => Promise<Result>,
): Promise<Result> {
  const began = performance.now();
  const observe = (result: string) => histogram.observe((performance.now() - began) / 1000, label, result);
  try {
    const result = await work();
    observe('ok');
    return result;
  } catch (error) {
    observe('failed');
    throw error;
  }
}

/** All metrics in Prometheus' text format 0.0.4. */
export function renderMetrics(): string {
  return `${Object.values(metrics)
    .map((metric) => metric.render())
    .join('\n')}\n`;
}

/** Content type of {@link renderMetrics}. */
export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';
