# Copies the image SQUIB_SOURCE into the store of base images under the name SQUIB_REFERENCE.
set -eu
cat >"$CONTAINERS_STORAGE_CONF" <<END
[storage]
driver = "overlay"
graphroot = "/mnt/base"
runroot = "/run/squib/storage"
END
mkdir -p /mnt/out/tmp
export TMPDIR=/mnt/out/tmp
skopeo copy --quiet --insecure-policy "$SQUIB_SOURCE" "containers-storage:$SQUIB_REFERENCE"
