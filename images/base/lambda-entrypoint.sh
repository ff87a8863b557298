#!/bin/sh
# The contract of the Amazon Linux bases' own entrypoint: one argument, the
# handler's name. Without a Runtime API there is no Lambda around us, so the
# emulator has to bring one.
bootstrap=/var/runtime/bootstrap

if [ $# -ne 1 ]; then
	echo "entrypoint requires the handler name to be the first argument" >&2
	exit 142
fi
export _HANDLER="$1"

if [ -z "${AWS_LAMBDA_RUNTIME_API}" ]; then
	exec /usr/local/bin/aws-lambda-rie "$bootstrap"
fi
exec "$bootstrap"
