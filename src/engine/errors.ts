/** The virtual machine could not be started or did not do what it was told; `message` holds what QEMU said. */
export class MachineFailed extends Error {
  override readonly name = 'MachineFailed';
}

/** A snapshot or a suspended machine on disk is incomplete, altered or does not fit; it cannot be restored. */
export class SnapshotDamaged extends Error {
  override readonly name = 'SnapshotDamaged';
}
