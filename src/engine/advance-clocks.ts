/** QEMU's section of all that counts time for a software-emulated machine: its name, instance 0, version 2. */
const head = Buffer.concat([
  Buffer.from([5]),
  Buffer.from('timer'),
  Buffer.from([0, 0, 0, 0]),
  Buffer.from([0, 0, 0, 2]),
]);
const sectionStart = 4;
const sectionEnd = 0x7e;
/** Ticks (8), unused (8), nanoseconds (8). */
const bodyBytes = 24;

/**
 * Device state in which time has gone on while the machine was stopped: the guest's monotonic clock has advanced when it
 * runs, and what it waited for is due (spec: lifecycle-and-hooks section 5). Ticks of the processor's counter
 * go with the nanoseconds at the rate that they always had.
 * @param nanoseconds since the machine was stopped.
 * @returns undefined when the state has not the form that QEMU writes
 */
export function advanceClocks(devices: Buffer, nanoseconds: bigint): Buffer | undefined {
  const at = find(devices);
  if (at === undefined) return undefined;
  const ticks = devices.readBigInt64BE(at);
  const elapsed = devices.readBigInt64BE(at + 16);
  const result = Buffer.from(devices);
  if (elapsed > 0n) result.writeBigInt64BE(ticks + (ticks * nanoseconds) / elapsed, at);
  result.writeBigInt64BE(elapsed + nanoseconds, at + 16);
  return result;
}

/** Where the section's body begins; it is the section only if its number stands before and behind it. */
function find(devices: Buffer): number | undefined {
  for (let from = 0; ; ) {
    const name = devices.indexOf(head, from);
    if (name < 0) return undefined;
    from = name + 1;
    const body = name + head.length;
    const end = body + bodyBytes;
    if (name < 5 || end + 5 > devices.length) continue;
    if (devices[name - 5] !== sectionStart || devices[end] !== sectionEnd) continue;
    if (devices.readUInt32BE(name - 4) === devices.readUInt32BE(end + 1)) return body;
  }
}
