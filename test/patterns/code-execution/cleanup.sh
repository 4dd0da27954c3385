#!/usr/bin/env bash
# Ends every MicroVM of the image, then removes the stack and the bucket.
set -euo pipefail
STACK="${STACK:-code-execution}"
REGION="${AWS_REGION:-$(aws configure get region)}"
ACCOUNT="$(aws sts get-caller-identity --query Account --output text)"
IMAGE="arn:aws:lambda:$REGION:$ACCOUNT:microvm-image:code-execution"
for id in $(aws lambda-microvms list-microvms --image-identifier "$IMAGE" \
  --query "items[?state!='TERMINATED'].microvmId" --output text); do
  aws lambda-microvms terminate-microvm --microvm-identifier "$id"
done
aws cloudformation delete-stack --stack-name "$STACK"
aws cloudformation wait stack-delete-complete --stack-name "$STACK"
aws s3 rb "s3://code-execution-$ACCOUNT-$REGION" --force
