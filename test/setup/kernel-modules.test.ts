import assert from 'node:assert/strict';
import { test } from 'node:test';
import { moduleLoadOrder } from '../../src/setup/kernel-modules.ts';

test('modules come after all they depend on, once each; what is built in is left out', () => {
  const modulesDep = [
    'kernel/net/virtio_net.ko.xz: kernel/net/net-failover.ko.xz kernel/net/failover.ko.xz',
    'kernel/net/net-failover.ko.xz: kernel/net/failover.ko.xz',
    'kernel/net/failover.ko.xz:',
    'kernel/fs/fuse.ko.xz:',
    'kernel/fs/unwanted.ko.xz: kernel/fs/fuse.ko.xz',
    '',
  ].join('\n');
  assert.deepEqual(
    moduleLoadOrder(modulesDep, ['virtio_pci', 'virtio_net', 'failover', 'fuse', 'net_failover']),
    [
      'kernel/net/failover.ko.xz',
      'kernel/net/net-failover.ko.xz',
      'kernel/net/virtio_net.ko.xz',
      'kernel/fs/fuse.ko.xz',
    ],
  );
});
