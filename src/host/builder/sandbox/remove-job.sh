# Removes images from the store of base images: SQUIB_IMAGES are their names or, after an @, their ids.
set -eu
cat >"$CONTAINERS_STORAGE_CONF" <<END
[storage]
driver = "overlay"
graphroot = "/mnt/base"
runroot = "/run/squib/storage"
END
for image in $SQUIB_IMAGES; do skopeo delete --insecure-policy "containers-storage:$image"; done
