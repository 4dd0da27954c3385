# Copies the image SQUIB_SOURCE into the store of base images under the name SQUIB_REFERENCE. The file /mnt/auth holds
# the credentials for its registry, if there are any. SQUIB_PLAIN is set for a registry of this host without TLS.
set -eu
cat >"$CONTAINERS_STORAGE_CONF" <<END
[storage]
driver = "overlay"
graphroot = "/mnt/base"
runroot = "/run/squib/storage"
END
mkdir -p /mnt/out/tmp
export TMPDIR=/mnt/out/tmp
skopeo copy --quiet --insecure-policy ${SQUIB_PLAIN:+--src-tls-verify=false} --src-authfile /mnt/auth \
  "$SQUIB_SOURCE" "containers-storage:$SQUIB_REFERENCE"
