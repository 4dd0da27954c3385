#!/usr/bin/env bash
# Packs the IDE, uploads it and deploys the stack with its image.
set -euo pipefail
AWS_REGION="${AWS_REGION:-us-east-2}"
ACCOUNT_ID="${ACCOUNT_ID:-$(aws sts get-caller-identity --query Account --output text)}"
S3_BUCKET="${S3_BUCKET:-microvm-artifacts-$ACCOUNT_ID}"
IMAGE_NAME="${IMAGE_NAME:-ide}"
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
aws cloudformation describe-stacks --stack-name "$STACK_NAME" --region "$AWS_REGION" \
  --query 'Stacks[0].Outputs[?OutputKey==`ImageArn`].OutputValue' --output text
