# Second step: inside the runtime tree, still as root of the host. Gives the sandbox its view of owners (idmapped
# mounts), brings its network up and starts inner.sh in a user namespace.
set -eu
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH
hostname builder

map="b:0:$SQUIB_UIDS:65536"
if [ -n "$SQUIB_STORE" ]; then
  mount --bind -o "X-mount.idmap=$map" /mnt/raw/store /mnt/store
  umount /mnt/raw/store
fi
number=0
printf '%s\n' "$SQUIB_BINDS" | while read -r mode name source; do
  [ -n "$source" ] || continue
  number=$((number + 1))
  mount --bind -o "$mode,nosuid,nodev,X-mount.idmap=$map" "/mnt/raw/$number" "/mnt/$name"
  umount "/mnt/raw/$number"
done

if [ -n "$SQUIB_ADDRESS" ]; then
  echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6 2>/dev/null || : # a kernel without IPv6 has no such file
  ip link set lo up
  ip address add "$SQUIB_ADDRESS/30" dev eth0
  ip link set eth0 up
  ip route add default via "$SQUIB_GATEWAY"
fi

# Unless a RUN step may want to be root again: what sudo gains reaches no further than the root that other steps are.
SQUIB_PRIVILEGES=--no-new-privs
[ -z "$SQUIB_SETUID" ] || SQUIB_PRIVILEGES=
export SQUIB_PRIVILEGES

# The namespace's maps can only be written from outside of it: the child waits on a pipe until they are.
mkdir -m 700 /mnt/sync
mkfifo -m 666 /mnt/sync/made /mnt/sync/mapped
chmod 755 /mnt/sync
unshare --user --keep-caps sh -c 'echo >/mnt/sync/made; read -r _ </mnt/sync/mapped
  exec setpriv --reuid 0 --regid 0 --clear-groups $SQUIB_PRIVILEGES \
    unshare --mount --pid --fork --kill-child=KILL --ipc --uts --cgroup --mount-proc sh /mnt/scripts/inner.sh' </dev/null &
child=$!
read -r _ </mnt/sync/made
printf '0 %d 65536\n' "$SQUIB_UIDS" >"/proc/$child/uid_map"
printf '0 %d 65536\n' "$SQUIB_UIDS" >"/proc/$child/gid_map"
echo >/mnt/sync/mapped
wait "$child"
