# Builds /mnt/job/Dockerfile with the context /mnt/context on base images from /mnt/base, into /mnt/out:
# rootfs.ext4 (made beforehand, sparse, of the size wanted), config.json, passwd, group.
# Leaves rootfs.ext4 empty when the image's id (the digest of config.json) is one of SQUIB_KNOWN.
# The last line of /mnt/out/step says how far it came.
set -eu
step() { echo "$1" >/mnt/out/step; }
cat >"$CONTAINERS_STORAGE_CONF" <<END
[storage]
driver = "overlay"
graphroot = "/mnt/store/storage"
runroot = "/run/squib/storage"
[storage.options]
additionalimagestores = ["/mnt/base"]
END
mkdir -p /mnt/store/tmp
export TMPDIR=/mnt/store/tmp

step build
buildah bud --isolation chroot --format docker --pull=never --layers="$SQUIB_LAYERS" --network host \
  --tag squib.invalid/image:built --file /mnt/job/Dockerfile /mnt/context 2>&1
step container
container=$(buildah from --pull=never squib.invalid/image:built)
root=$(buildah mount "$container")
step config
skopeo inspect --config --raw containers-storage:squib.invalid/image:built >/mnt/out/config.json
perl /mnt/scripts/image-files.pl "$root" /mnt/out /mnt/out/config.json
step rootfs
id=$(sha256sum </mnt/out/config.json)
case " $SQUIB_KNOWN " in
  *" ${id%% *} "*) ;; # the host has this one
  *)
    # A journal is written from end to end before it begins anew, and every suspension writes a little: a small one keeps
    # what a MicroVM has on the host's disk proportional to what it has changed.
    mke2fs -J size=16 -q -F -t ext4 -m 0 -E lazy_itable_init=1,lazy_journal_init=1,nodiscard -d "$root" /mnt/out/rootfs.ext4
    debugfs -w -R 'rmdir lost+found' /mnt/out/rootfs.ext4 2>/dev/null
    ;;
esac
step clean
buildah rm "$container" >/dev/null
step done
