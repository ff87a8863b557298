// A Lambda runtime loop on Node's own HTTP client.
const started = process.hrtime.bigint();
const http = require("http");
const { randomUUID } = require("crypto");

const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(":");
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
const instanceId = randomUUID();

function call(method, path, body) {
  return new Promise((resolve, reject) => {
    const request = http.request({ host, port, agent, method, path: "/2018-06-01/runtime/invocation/" + path }, (answer) => {
      answer.resume();
      answer.on("end", () => resolve(answer.headers));
    });
    request.on("error", reject);
    request.end(body);
  });
}

(async () => {
  for (let invocation = 1; ; invocation++) {
    const event = await call("GET", "next");
    const uptime = Number((process.hrtime.bigint() - started) / 10_000_000n) * 10;
    const answer = JSON.stringify({
      instanceId, invocation, token: process.env.BENCH_TOKEN, startedAtNs: Number(started), processUptimeMs: uptime,
    });
    await call("POST", event["lambda-runtime-aws-request-id"] + "/response", answer);
  }
})();
