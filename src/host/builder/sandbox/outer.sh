# First half of the builder's sandbox. Runs as root of the host in fresh mount, PID, IPC, UTS (and network) namespaces,
# puts the file system of the sandbox together, leaves the host's behind and starts inner.sh as an unprivileged range.
#
# SQUIB_TREE     runtime tree            SQUIB_ROOT    empty directory to mount it on
# SQUIB_STORE    ext4 image file or ''   SQUIB_OUT     directory of results, owned by the range
# SQUIB_SCRIPTS  directory of these      SQUIB_RESOLV  resolv.conf of the sandbox
# SQUIB_UIDS     first uid of the range  SQUIB_ADDRESS, SQUIB_GATEWAY  set when there is a network of its own
# SQUIB_GROUPS   folders of the control groups to join
# SQUIB_BINDS    lines "mode name source", mode ro or rw: mounted at /mnt/name, owners shifted to the range
set -eu
for group in $SQUIB_GROUPS; do echo 0 >"$group/cgroup.procs"; done # 0: whoever writes
echo made >&3 # the namespaces are there
exec 3>&-
read -r _ # the network is there too

mount --make-rprivate /
# The root is a plain tmpfs, not the read-only tree itself: buildah remounts "/" before it leaves it, which a user
# namespace may not do with flags that came from outside.
mount -t tmpfs -o mode=755,size=1m root "$SQUIB_ROOT"
cd "$SQUIB_ROOT"
mkdir dev proc sys tmp run root mnt
for entry in "$SQUIB_TREE"/*; do
  name=${entry##*/}
  if [ -L "$entry" ]; then
    cp -P "$entry" "$name"
  else
    case $name in usr | etc | var | bin | sbin | lib*)
      mkdir "$name"
      mount --bind "$entry" "$name"
      mount -o remount,bind,ro,nosuid,nodev "$name"
      ;;
    esac
  fi
done

mount -t tmpfs -o mode=755,size=16m,nosuid,nodev mounts mnt
mkdir mnt/raw mnt/out mnt/store mnt/scripts
mount --bind "$SQUIB_OUT" mnt/out
mount --bind "$SQUIB_SCRIPTS" mnt/scripts
mount -o remount,bind,ro,nosuid,nodev mnt/scripts
[ -z "$SQUIB_STORE" ] || { mkdir mnt/raw/store; mount -o loop,discard,noatime "$SQUIB_STORE" mnt/raw/store; }
number=0
printf '%s\n' "$SQUIB_BINDS" | while read -r mode name source; do
  [ -n "$source" ] || continue
  number=$((number + 1))
  if [ -d "$source" ]; then mkdir "mnt/raw/$number"; else : >"mnt/raw/$number"; fi
  case $name in # a name with a slash lies in what an earlier one brings
    */*) ;;
    *) if [ -d "$source" ]; then mkdir "mnt/$name"; else : >"mnt/$name"; fi ;;
  esac
  mount --bind "$source" "mnt/raw/$number"
done

mount --bind "$SQUIB_RESOLV" etc/resolv.conf
[ ! -e /etc/ssl/certs/ca-certificates.crt ] ||
  mount --bind /etc/ssl/certs/ca-certificates.crt etc/ssl/certs/ca-certificates.crt

mount -t tmpfs -o mode=755,size=1m,nosuid devices dev
for device in null zero full random urandom tty; do
  : >"dev/$device"
  mount --bind "/dev/$device" "dev/$device"
done
mkdir dev/pts dev/shm dev/mqueue dev/pipes
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,uid="$SQUIB_UIDS",gid=$((SQUIB_UIDS + 5)) devpts dev/pts
mount -t tmpfs -o mode=1777,size=64m,nosuid,nodev shm dev/shm
# buildah mounts the text of heredocs below /dev/pipes, and makes /dev itself read-only before.
mount -t tmpfs -o mode=755,size=1m,nosuid,nodev,noexec,uid="$SQUIB_UIDS",gid="$SQUIB_UIDS" pipes dev/pipes
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -s fd/0 dev/stdin
ln -s fd/1 dev/stdout
ln -s fd/2 dev/stderr

mount -t tmpfs -o mode=1777,size=256m,nosuid,nodev tmp tmp
mount -t tmpfs -o mode=1777,size=64m,nosuid,nodev vartmp var/tmp
mount -t tmpfs -o mode=755,size=64m,nosuid,nodev,uid="$SQUIB_UIDS",gid="$SQUIB_UIDS" run run
mount -t tmpfs -o mode=700,size=64m,nosuid,nodev,uid="$SQUIB_UIDS",gid="$SQUIB_UIDS" home root
mount -t proc -o nosuid,nodev,noexec proc proc
mount -t tmpfs -o mode=555,size=4k,ro,nosuid,nodev sys sys

pivot_root . .
umount -l .
cd /
exec chroot . /bin/sh /mnt/scripts/middle.sh
