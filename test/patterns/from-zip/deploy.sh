#!/usr/bin/env bash
# The same without CloudFormation: a role made by hand, and an image straight from a zip.
set -euo pipefail
cd "$(dirname "$0")"
NAME="${NAME:-from-zip}"
REGION="${AWS_REGION:-$(aws configure get region)}"
ACCOUNT="$(aws sts get-caller-identity --query Account --output text)"
BUCKET="$NAME-$ACCOUNT-$REGION"
ROLE="$NAME-build"

aws s3 mb "s3://$BUCKET"
aws iam create-role --role-name "$ROLE" --assume-role-policy-document '{
  "Version": "2012-10-17",
  "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]
}' >/dev/null
aws iam put-role-policy --role-name "$ROLE" --policy-name build --policy-document '{
  "Version": "2012-10-17",
  "Statement": [
    {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::'"$BUCKET"'/'"${READABLE:-*}"'"},
    {"Effect": "Allow", "Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"], "Resource": "*"}
  ]
}'

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
(cd app && python -m zipfile -c "$work/app.zip" ./*)
aws s3 cp "$work/app.zip" "s3://$BUCKET/app.zip"

IMAGE="$(aws lambda-microvms create-microvm-image \
  --name "$NAME" \
  --code-artifact "uri=s3://$BUCKET/app.zip" \
  --base-image-arn "arn:aws:lambda:$REGION:aws:microvm-image:al2023-1" \
  --build-role-arn "arn:aws:iam::$ACCOUNT:role/$ROLE" \
  --resources minimumMemoryInMiB=512 \
  --environment-variables GREETING=hi \
  --hooks 'port=9000,microvmImageHooks={ready=ENABLED,readyTimeoutInSeconds=120}' \
  --query imageArn --output text)"
while :; do
  STATE="$(aws lambda-microvms get-microvm-image --image-identifier "$IMAGE" --query state --output text)"
  case "$STATE" in
    CREATED) break ;;
    *FAILED)
      aws lambda-microvms list-microvm-image-builds --image-identifier "$IMAGE" --image-version 1.0 \
        --query 'items[0].stateReason' --output text >&2
      exit 1
      ;;
  esac
  sleep 8
done
aws logs filter-log-events --log-group-name "/aws/lambda-microvms/$NAME" --query 'events[].message' --output text
echo "$IMAGE"
