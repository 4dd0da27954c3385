#!/usr/bin/env bash
# deploy.sh [STACK] [REGION]: a bucket with the agent in it, and one stack with all the rest.
set -euo pipefail
STACK="${1:-tenants}"
REGION="${2:-${AWS_REGION:-us-east-1}}"
HERE="$(cd "$(dirname "$0")" && pwd)"
aws lambda-microvms list-microvms --region "$REGION" >/dev/null
ACCOUNT="$(aws sts get-caller-identity --query Account --output text)"
BUCKET="$STACK-artifact-$ACCOUNT-$REGION"
KEY="images/agent-$(cat "$HERE"/src/* | sha256sum | cut -c1-12).zip"

if ! aws s3api head-bucket --bucket "$BUCKET" 2>/dev/null; then
  aws s3api create-bucket --bucket "$BUCKET" --region "$REGION" >/dev/null
  aws s3api put-public-access-block --bucket "$BUCKET" --public-access-block-configuration \
    BlockPublicAcls=true,BlockPublicPolicy=true,IgnorePublicAcls=true,RestrictPublicBuckets=true
fi
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
(cd "$HERE/src" && zip -j -q "$work/agent.zip" ./*)
aws s3 cp "$work/agent.zip" "s3://$BUCKET/$KEY" --region "$REGION"
aws cloudformation deploy --region "$REGION" --stack-name "$STACK" \
  --template-file "$HERE/template.yaml" \
  --capabilities CAPABILITY_NAMED_IAM \
  --parameter-overrides ProjectName="$STACK" GatewayToken="${GATEWAY_TOKEN:-secret}" \
    ArtifactBucketName="$BUCKET" ImageKey="$KEY"
