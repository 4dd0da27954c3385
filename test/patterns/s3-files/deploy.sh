#!/usr/bin/env bash
# Packs the app, uploads it, deploys the stack with its image and bucket, and runs a MicroVM on a folder of the bucket.
set -euo pipefail
AWS_REGION="${AWS_REGION:-us-east-2}"
ACCOUNT_ID="${ACCOUNT_ID:-$(aws sts get-caller-identity --query Account --output text)}"
S3_BUCKET="${S3_BUCKET:-microvm-artifacts-$ACCOUNT_ID}"
IMAGE_NAME="${IMAGE_NAME:-s3-files}"
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
    EndpointUrl="${ENDPOINT_URL:-}" \
  --capabilities CAPABILITY_NAMED_IAM \
  --region "$AWS_REGION"
at() { echo "Outputs[?OutputKey=='$1'].OutputValue | [0]"; }
read -r IMAGE ROLE BUCKET <<<"$(aws cloudformation describe-stacks --stack-name "$STACK_NAME" --region "$AWS_REGION" \
  --output text --query "Stacks[0].[$(at ImageArn), $(at ExecutionRoleArn), $(at Bucket)]")"
echo "already there" | aws s3 cp - "s3://$BUCKET/shared/readme.txt"
aws lambda-microvms run-microvm \
  --image-identifier "$IMAGE" \
  --execution-role-arn "$ROLE" \
  --run-hook-payload "{\"bucket\":\"$BUCKET\",\"prefix\":\"${PREFIX:-shared/}\"}" \
  --idle-policy '{"maxIdleDurationSeconds":900,"suspendedDurationSeconds":900,"autoResumeEnabled":true}' \
  --region "$AWS_REGION" --query '[microvmId]' --output text
