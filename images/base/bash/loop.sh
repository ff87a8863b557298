#!/bin/bash
# A Lambda runtime loop on curl.
api=http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation
read -r instance </proc/sys/kernel/random/uuid
for ((count = 1; ; count++)); do
	curl -sS -D /tmp/headers -o /tmp/event "$api/next" || exit 1
	while IFS=': ' read -r name value; do
		if [[ ${name,,} == lambda-runtime-aws-request-id ]]; then id=${value%$'\r'}; fi
	done </tmp/headers
	curl -sS -o /dev/null -d "{\"instanceId\":\"$instance\",\"invocation\":$count,\"token\":\"$BENCH_TOKEN\"}" "$api/$id/response" || exit 1
done
