# Last step: root of the user namespace. Locks it (no further user namespaces, so no new root to play with) and runs
# the job named by SQUIB_JOB.
set -eu
echo 0 >/proc/sys/user/max_user_namespaces
prlimit --nproc=8192:8192 --pid $$ || : # where the host allows even less, that holds
mkdir -p /run/squib
export HOME=/root XDG_RUNTIME_DIR=/run/squib LANG=C.UTF-8
export CONTAINERS_STORAGE_CONF=/run/squib/storage.conf CONTAINERS_REGISTRIES_CONF=/run/squib/registries.conf
export CONTAINERS_CONF=/run/squib/containers.conf
cat >"$CONTAINERS_REGISTRIES_CONF" <<END
unqualified-search-registries = ["docker.io"]
short-name-mode = "permissive"
END
# buildah wants a network program to exist, though with the sandbox's own network it never runs one.
ln -s /bin/false /run/squib/netavark
cat >"$CONTAINERS_CONF" <<END
[engine]
helper_binaries_dir = ["/run/squib"]
END
exec sh "/mnt/scripts/$SQUIB_JOB"
