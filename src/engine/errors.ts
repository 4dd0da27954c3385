/** The virtual machine could not be started or did not do what it was told; `message` holds what QEMU said. */
export class MachineFailed extends Error {
  override readonly name = 'MachineFailed';
}

/** A snapshot on disk is incomplete or altered; it cannot be restored. */
export class SnapshotDamaged extends Error {
  override readonly name: string = 'SnapshotDamaged';
}

/** What a suspended machine left is incomplete or altered, while the snapshot below it is whole. */
export class SuspendedDamaged extends SnapshotDamaged {
  override readonly name = 'SuspendedDamaged';
}

/** A snapshot is whole, but was made for another engine than this one: it may be restored where it fits. */
export class SnapshotUnfit extends Error {
  override readonly name = 'SnapshotUnfit';
}
