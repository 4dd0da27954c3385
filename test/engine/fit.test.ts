import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SnapshotUnfit } from '../../src/engine/errors.ts';
import { type Circumstances, checkFit } from '../../src/engine/fit.ts';

const here: Circumstances = {
  accelerator: 'tcg',
  machineType: 'pc-i440fx-7.2',
  cpuModel: 'Haswell-noTSX',
  qemuVersion: '10.0.2',
};

test('another fix of the same release of QEMU fits', () => {
  for (const qemuVersion of ['10.0.0', '10.0.2', '10.0.99']) checkFit({ ...here, qemuVersion }, here);
});

test('another release of QEMU does not fit, be it older or newer', () => {
  for (const qemuVersion of ['7.2.0', '9.2.4', '10.1.0', '11.1.3']) {
    assert.throws(() => checkFit({ ...here, qemuVersion }, here), SnapshotUnfit);
  }
});

test('what does not fit is refused with every difference by name', () => {
  const made = { ...here, accelerator: 'kvm', cpuModel: 'host', qemuVersion: '10.1.0' } as const;
  assert.throws(
    () => checkFit(made, here),
    (error: Error) =>
      error instanceof SnapshotUnfit &&
      /accelerator kvm, .*has tcg; .*model host, .*has Haswell-noTSX; QEMU 10\.1\.0, .*has 10\.0\.2/.test(
        error.message,
      ),
  );
});
