"""A Lambda runtime loop on Python's own HTTP client."""
import time

started = time.monotonic_ns()

import http.client
import json
import os
import uuid

api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
invocations = "/2018-06-01/runtime/invocation/"
instance = uuid.uuid4().hex
count = 0
while True:
    api.request("GET", invocations + "next")
    event = api.getresponse()
    event.read()
    count += 1
    answer = {
        "instanceId": instance, "invocation": count, "token": os.environ.get("BENCH_TOKEN", ""),
        "startedAtNs": started, "processUptimeMs": (time.monotonic_ns() - started) // 10_000_000 * 10,
    }
    api.request("POST", invocations + event.headers["Lambda-Runtime-Aws-Request-Id"] + "/response", json.dumps(answer))
    api.getresponse().read()
