#!/usr/bin/env bash
# add-tenant.sh TENANT [STACK] [REGION]: a MicroVM for one tenant; prints its id.
set -euo pipefail
TENANT="$1"
STACK="${2:-tenants}"
REGION="${3:-${AWS_REGION:-us-east-1}}"
output() {
  aws cloudformation describe-stacks --region "$REGION" --stack-name "$STACK" \
    --query "Stacks[0].Outputs[?OutputKey=='$1'].OutputValue" --output text
}
aws lambda-microvms run-microvm --region "$REGION" \
  --image-identifier "$(output ImageArn)" \
  --execution-role-arn "$(output ExecutionRoleArn)" \
  --ingress-network-connectors "arn:aws:lambda:$REGION:aws:network-connector:aws-network-connector:ALL_INGRESS" \
  --egress-network-connectors "$(output EgressConnectorArn)" \
  --run-hook-payload "{\"tenantId\":\"$TENANT\"}" \
  --idle-policy maxIdleDurationSeconds=600,suspendedDurationSeconds=3600,autoResumeEnabled=true \
  --query microvmId --output text
