#!/usr/bin/env bash
# Packs the app, uploads it, and creates or updates the stack with its image.
set -euo pipefail
cd "$(dirname "$0")"

STACK="${STACK:-code-execution}"
REGION="${AWS_REGION:-$(aws configure get region)}"
ACCOUNT="$(aws sts get-caller-identity --query Account --output text)"
BUCKET="code-execution-$ACCOUNT-$REGION"
APP="${APP:-$PWD/app}"

aws s3api head-bucket --bucket "$BUCKET" 2>/dev/null || aws s3 mb "s3://$BUCKET" --region "$REGION"

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
(cd "$APP" && python -m zipfile -c "$work/app.zip" ./*)
KEY="app-$(cat "$APP"/* | sha256sum | cut -c1-12).zip"
aws s3 cp "$work/app.zip" "s3://$BUCKET/$KEY"

aws cloudformation deploy \
  --stack-name "$STACK" \
  --template-file template.yaml \
  --capabilities CAPABILITY_NAMED_IAM \
  --parameter-overrides "ArtifactBucket=$BUCKET" "ArtifactKey=$KEY" \
  --tags project=patterns \
  --no-fail-on-empty-changeset

aws cloudformation describe-stacks --stack-name "$STACK" \
  --query 'Stacks[0].Outputs[].[OutputKey,OutputValue]' --output text
