#!/usr/bin/env bash
# teardown.sh [STACK] [REGION]: ends the tenants' MicroVMs, then removes stack and bucket.
set -uo pipefail
STACK="${1:-tenants}"
REGION="${2:-${AWS_REGION:-us-east-1}}"
ACCOUNT="$(aws sts get-caller-identity --query Account --output text)"
BUCKET="$STACK-artifact-$ACCOUNT-$REGION"
for id in $(aws lambda-microvms list-microvms --region "$REGION" \
  --query "items[?state!='TERMINATED'].microvmId" --output text); do
  case "$(aws lambda-microvms get-microvm --region "$REGION" --microvm-identifier "$id" --query imageArn --output text)" in
    *":microvm-image:$STACK-agent") aws lambda-microvms terminate-microvm --region "$REGION" --microvm-identifier "$id" ;;
  esac
done
aws cloudformation delete-stack --region "$REGION" --stack-name "$STACK"
aws cloudformation wait stack-delete-complete --region "$REGION" --stack-name "$STACK"
aws s3 rm "s3://$BUCKET" --recursive
aws s3api delete-bucket --bucket "$BUCKET" --region "$REGION"
