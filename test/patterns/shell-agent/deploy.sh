#!/usr/bin/env bash
# Packs the agent, uploads it, deploys the stack with its image, and runs a MicroVM for shells alone.
set -euo pipefail
AWS_REGION="${AWS_REGION:-us-east-2}"
ACCOUNT_ID="${ACCOUNT_ID:-$(aws sts get-caller-identity --query Account --output text)}"
S3_BUCKET="${S3_BUCKET:-microvm-artifacts-$ACCOUNT_ID}"
IMAGE_NAME="${IMAGE_NAME:-shell-agent}"
STACK_NAME="microvm-$IMAGE_NAME"
HERE="$(cd "$(dirname "$0")" && pwd)"
S3_KEY="deployments/$IMAGE_NAME-$(date +%s).zip"

if ! aws s3api head-bucket --bucket "$S3_BUCKET" 2>/dev/null; then
  aws s3 mb "s3://$S3_BUCKET" --region "$AWS_REGION"
fi
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
(cd "$HERE/src" && zip -q -r "$work/app.zip" .)
aws s3 cp "$work/app.zip" "s3://$S3_BUCKET/$S3_KEY" --region "$AWS_REGION"

aws cloudformation deploy \
  --template-file "$HERE/template.yaml" \
  --stack-name "$STACK_NAME" \
  --parameter-overrides S3Bucket="$S3_BUCKET" S3Key="$S3_KEY" ImageName="$IMAGE_NAME" \
  --capabilities CAPABILITY_NAMED_IAM \
  --region "$AWS_REGION"
at() { echo "Outputs[?OutputKey=='$1'].OutputValue | [0]"; }
read -r IMAGE ROLE <<<"$(aws cloudformation describe-stacks --stack-name "$STACK_NAME" --region "$AWS_REGION" \
  --output text --query "Stacks[0].[$(at ImageArn), $(at ExecutionRoleArn)]")"
LAUNCH="$(aws lambda-microvms run-microvm \
  --image-identifier "$IMAGE" \
  --execution-role-arn "$ROLE" \
  --ingress-network-connectors '["arn:aws:lambda:'"$AWS_REGION"':aws:network-connector:aws-network-connector:SHELL_INGRESS"]' \
  --idle-policy '{"maxIdleDurationSeconds":3600,"suspendedDurationSeconds":1800,"autoResumeEnabled":true}' \
  --logging '{"cloudWatch":{"logGroup":"/aws/lambda-microvms/'"$IMAGE_NAME"'"}}' \
  --region "$AWS_REGION")"
echo "$LAUNCH" | python3 -c "import json, sys; print(json.load(sys.stdin)['microvmId'])"
