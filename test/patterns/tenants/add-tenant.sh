#!/usr/bin/env bash
# add-tenant.sh TENANT [STACK] [REGION]: a MicroVM for one tenant; prints its id.
set -euo pipefail
TENANT="$1"
STACK="${2:-tenants}"
REGION="${3:-${AWS_REGION:-us-east-1}}"
at() { echo "Outputs[?OutputKey=='$1'].OutputValue | [0]"; }
read -r IMAGE ROLE EGRESS <<<"$(aws cloudformation describe-stacks --region "$REGION" --stack-name "$STACK" \
  --output text --query "Stacks[0].[$(at ImageArn), $(at ExecutionRoleArn), $(at EgressConnectorArn)]")"
aws lambda-microvms run-microvm --region "$REGION" \
  --image-identifier "$IMAGE" \
  --execution-role-arn "$ROLE" \
  --ingress-network-connectors "arn:aws:lambda:$REGION:aws:network-connector:aws-network-connector:ALL_INGRESS" \
  --egress-network-connectors "$EGRESS" \
  --run-hook-payload "{\"tenantId\":\"$TENANT\"}" \
  --idle-policy maxIdleDurationSeconds=600,suspendedDurationSeconds=3600,autoResumeEnabled=true \
  --query microvmId --output text
