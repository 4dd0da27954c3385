#!/usr/bin/env bash
# chat.sh MICROVM-ID MESSAGE [REGION]: says something to the agent of a tenant, asleep or not.
set -euo pipefail
REGION="${3:-${AWS_REGION:-us-east-1}}"
ID="$1"
while
  read -r STATE ENDPOINT <<<"$(aws lambda-microvms get-microvm --region "$REGION" --microvm-identifier "$ID" \
    --query '[state,endpoint]' --output text)"
  [ "$STATE" = PENDING ]
do sleep 0.5; done
TOKEN="$(aws lambda-microvms create-microvm-auth-token --region "$REGION" --microvm-identifier "$ID" \
  --expiration-in-minutes 5 --allowed-ports port=8080 --query 'authToken."X-aws-proxy-auth"' --output text)"
curl -sS "https://$ENDPOINT/chat" -H "X-aws-proxy-auth: $TOKEN" \
  -H "Authorization: Bearer ${GATEWAY_TOKEN:-secret}" -d "{\"message\":\"$2\"}"
