#!/usr/bin/env bash
# files.sh MICROVM-ID METHOD PATH [DATA]: one request to the files of a MicroVM.
set -euo pipefail
AWS_REGION="${AWS_REGION:-us-east-2}"
ID="$1"
while
  read -r STATE ENDPOINT <<<"$(aws lambda-microvms get-microvm --microvm-identifier "$ID" --region "$AWS_REGION" \
    --query '[state,endpoint]' --output text)"
  [ "$STATE" = PENDING ]
do sleep 0.5; done
TOKEN="$(aws lambda-microvms create-microvm-auth-token --microvm-identifier "$ID" --region "$AWS_REGION" \
  --expiration-in-minutes 5 --allowed-ports port=8080 --query 'authToken."X-aws-proxy-auth"' --output text)"
curl -sS -X "$2" "https://$ENDPOINT$3" -H "X-aws-proxy-auth: $TOKEN" ${4:+--data-binary "$4"}
