import type { MachineShape } from '../../engine/engine.ts';

const GiB = 1024 ** 3;

/** What the guest sees for a baseline size: four times the memory and the peak vCPUs (spec: image-build 4.1). */
export function machineShape(minimumMemoryInMiB: number): MachineShape {
  return { vcpus: Math.max(1, minimumMemoryInMiB / 512), memoryMiB: minimumMemoryInMiB * 4 };
}

/** Size of the root disk in bytes for a baseline size (spec: image-build 4.1). */
export function diskBytes(minimumMemoryInMiB: number): number {
  return Math.max(8, Math.min(32, minimumMemoryInMiB / 256)) * GiB;
}
