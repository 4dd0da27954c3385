#!/usr/bin/env bash
# Takes a MicroVM of the image that is there, or runs one, and opens the way to it for a browser on this machine.
set -euo pipefail
AWS_REGION="${AWS_REGION:-us-east-2}"
IMAGE_NAME="${IMAGE_NAME:-ide}"
STACK_NAME="microvm-$IMAGE_NAME"
HERE="$(cd "$(dirname "$0")" && pwd)"
CONNECTORS="arn:aws:lambda:$AWS_REGION:aws:network-connector:aws-network-connector"
ARGS=(--region "$AWS_REGION")

at() { echo "Outputs[?OutputKey=='$1'].OutputValue | [0]"; }
read -r IMAGE ROLE <<<"$(aws cloudformation describe-stacks --stack-name "$STACK_NAME" "${ARGS[@]}" --output text \
  --query "Stacks[0].[$(at ImageArn), $(at ExecutionRoleArn)]")"

ID="$(aws lambda-microvms list-microvms "${ARGS[@]}" --output json | python3 -c "
import json, sys
usable = [vm['microvmId'] for vm in json.load(sys.stdin)['items']
          if vm['imageArn'] == '$IMAGE' and vm['state'] in ('RUNNING', 'SUSPENDED')]
print(usable[0] if usable else '')")"
if [ -z "$ID" ]; then
  ID="$(aws lambda-microvms run-microvm "${ARGS[@]}" \
    --image-identifier "$IMAGE" \
    --execution-role-arn "$ROLE" \
    --ingress-network-connectors '["'"$CONNECTORS"':HTTP_INGRESS"]' \
    --egress-network-connectors '["'"$CONNECTORS"':INTERNET_EGRESS"]' \
    --idle-policy '{"maxIdleDurationSeconds":3600,"suspendedDurationSeconds":1800,"autoResumeEnabled":true}' \
    --logging '{"cloudWatch":{"logGroup":"/aws/lambda-microvms/'"$IMAGE_NAME"'"}}' \
    --query microvmId --output text)"
fi
while
  read -r STATE ENDPOINT <<<"$(aws lambda-microvms get-microvm --microvm-identifier "$ID" "${ARGS[@]}" \
    --query '[state,endpoint]' --output text)"
  [ "$STATE" != RUNNING ] && [ "$STATE" != SUSPENDED ]
do sleep 1; done
TOKEN="$(aws lambda-microvms create-microvm-auth-token --microvm-identifier "$ID" \
  --expiration-in-minutes 60 --allowed-ports allPorts={} "${ARGS[@]}" \
  --query 'authToken."X-aws-proxy-auth"' --output text)"
echo "microvm $ID"
exec python3 "$HERE/proxy.py" "https://$ENDPOINT" "$TOKEN" --port "${PROXY_PORT:-8080}"
