#!/usr/bin/env bash
# Ends the MicroVMs of the image, then deletes the stack and what was uploaded.
set -euo pipefail
AWS_REGION="${AWS_REGION:-us-east-2}"
ACCOUNT_ID="${ACCOUNT_ID:-$(aws sts get-caller-identity --query Account --output text)}"
S3_BUCKET="${S3_BUCKET:-microvm-artifacts-$ACCOUNT_ID}"
IMAGE_NAME="${IMAGE_NAME:-s3-files}"
for id in $(aws lambda-microvms list-microvms --region "$AWS_REGION" \
  --query "items[?state!='TERMINATED' && ends_with(imageArn, ':$IMAGE_NAME')].microvmId" --output text); do
  aws lambda-microvms terminate-microvm --microvm-identifier "$id" --region "$AWS_REGION"
done
BUCKET="$(aws cloudformation describe-stacks --stack-name "microvm-$IMAGE_NAME" --region "$AWS_REGION" \
  --query 'Stacks[0].Outputs[?OutputKey==`Bucket`].OutputValue' --output text)"
aws s3 rm "s3://$BUCKET" --recursive
aws cloudformation delete-stack --stack-name "microvm-$IMAGE_NAME" --region "$AWS_REGION"
aws cloudformation wait stack-delete-complete --stack-name "microvm-$IMAGE_NAME" --region "$AWS_REGION"
aws s3 rm "s3://$S3_BUCKET/deployments/" --recursive --exclude '*' --include "$IMAGE_NAME-*"
