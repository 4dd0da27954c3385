#!/bin/sh
# The hooks answer from the start; the IDE is the process that counts.
node /opt/hooks.mjs &
exec node /opt/code-server/out/node/entry.js --auth none --bind-addr 0.0.0.0:8080 \
  --disable-telemetry --disable-update-check --disable-workspace-trust /srv/project
