#!/usr/bin/env bash
# connect.sh MICROVM-ID: a shell in the MicroVM; what is typed here is typed there.
set -euo pipefail
AWS_REGION="${AWS_REGION:-us-east-2}"
HERE="$(cd "$(dirname "$0")" && pwd)"
ENDPOINT="$(aws lambda-microvms get-microvm --microvm-identifier "$1" --region "$AWS_REGION" \
  --query endpoint --output text)"
TOKEN="$(aws lambda-microvms create-microvm-shell-auth-token --microvm-identifier "$1" \
  --expiration-in-minutes 30 --region "$AWS_REGION" --query 'authToken."X-aws-proxy-auth"' --output text)"
exec node "$HERE/terminal.mjs" "wss://$ENDPOINT/shell" "$TOKEN"
