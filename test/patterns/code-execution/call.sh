#!/usr/bin/env bash
# Runs a MicroVM of the image, has it execute a snippet, and ends it.
set -euo pipefail
STACK="${STACK:-code-execution}"
REGION="${AWS_REGION:-$(aws configure get region)}"
at() { echo "Outputs[?OutputKey=='$1'].OutputValue | [0]"; }
read -r IMAGE ROLE <<<"$(aws cloudformation describe-stacks --stack-name "$STACK" --output text \
  --query "Stacks[0].[$(at ImageArn), $(at ExecutionRoleArn)]")"
CONNECTOR="arn:aws:lambda:$REGION:aws:network-connector:aws-network-connector"

RUN="$(aws lambda-microvms run-microvm \
  --image-identifier "$IMAGE" \
  --execution-role-arn "$ROLE" \
  --ingress-network-connectors "$CONNECTOR:HTTP_INGRESS" \
  --run-hook-payload '{"visitor":"ann"}' \
  --idle-policy maxIdleDurationSeconds=600,suspendedDurationSeconds=600,autoResumeEnabled=true \
  --maximum-duration-in-seconds 900 \
  --query '[microvmId,endpoint]' --output text)"
read -r ID ENDPOINT <<<"$RUN"
trap 'aws lambda-microvms terminate-microvm --microvm-identifier "$ID" >/dev/null' EXIT

until [ "$(aws lambda-microvms get-microvm --microvm-identifier "$ID" --query state --output text)" = RUNNING ]; do
  sleep 0.5
done
TOKEN="$(aws lambda-microvms create-microvm-auth-token --microvm-identifier "$ID" \
  --expiration-in-minutes 5 --allowed-ports '[{"port":8080}]' \
  --query 'authToken."X-aws-proxy-auth"' --output text)"
curl -fsS "https://$ENDPOINT/" -H "X-aws-proxy-auth: $TOKEN"
echo
curl -fsS "https://$ENDPOINT/" -H "X-aws-proxy-auth: $TOKEN" --data 'print(6 * 7)'
echo
