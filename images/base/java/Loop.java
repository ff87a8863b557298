import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.URL;
import java.util.UUID;

/** A Lambda runtime loop on Java's own HTTP client. */
public final class Loop {
    private static final long STARTED = System.nanoTime();

    public static void main(String[] args) throws IOException {
        String invocations = "http://" + System.getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation/";
        String instance = UUID.randomUUID().toString();
        String token = System.getenv().getOrDefault("BENCH_TOKEN", "");
        for (int count = 1; ; count++) {
            HttpURLConnection next = (HttpURLConnection) new URL(invocations + "next").openConnection();
            if (next.getResponseCode() != 200) {
                return; // no more events: the training run ends here
            }
            next.getInputStream().readAllBytes();
            String answer = "{\"instanceId\":\"" + instance + "\",\"invocation\":" + count + ",\"token\":\"" + token
                    + "\",\"startedAtNs\":" + STARTED + ",\"processUptimeMs\":" + (System.nanoTime() - STARTED) / 10_000_000 * 10 + "}";
            String id = next.getHeaderField("Lambda-Runtime-Aws-Request-Id");
            HttpURLConnection response = (HttpURLConnection) new URL(invocations + id + "/response").openConnection();
            response.setDoOutput(true);
            response.getOutputStream().write(answer.getBytes());
            response.getInputStream().readAllBytes();
        }
    }
}
