import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** Asks every endpoint, while none leaks yet, until classes are loaded, their code is compiled and every worker has been used. */
final class WarmUp {
    private static final int CLIENTS = 8;
    private static final int SETTLE_MILLIS = 1500;
    private static final int ROUNDS = 40;
    private static final String[] REQUESTS = {
        "GET /healthz", "GET /metrics", "GET /products/7", "GET /orders", "POST /orders", "GET /search?q=lamp", "GET /stock/7",
        "GET /invoices/latest", "GET /shipping/is", "GET /products/7", "GET /orders", "POST /orders", "GET /export?mb=1",
    };
    private static final byte[] ORDER = "{\"id\": 1, \"product\": 7, \"quantity\": 2}".getBytes(StandardCharsets.UTF_8);

    private WarmUp() {}

    static void run(String url) throws InterruptedException {
        System.setProperty("http.keepAlive", "false"); // kept connections would close half a minute later, amid a count
        List<Thread> clients = new ArrayList<>();
        for (int n = 0; n < CLIENTS; n++) {
            Thread client = new Thread(() -> ask(url));
            client.start();
            clients.add(client);
        }
        for (Thread client : clients) {
            client.join();
        }
        Thread.sleep(SETTLE_MILLIS); // what waits to be compiled is
        System.gc();
    }

    private static void ask(String url) {
        for (int round = 0; round < ROUNDS; round++) {
            for (String request : REQUESTS) {
                try {
                    ask(url, request.split(" "));
                } catch (IOException error) {
                    throw new IllegalStateException(error);
                }
            }
        }
    }

    private static void ask(String url, String[] request) throws IOException {
        HttpURLConnection connection = (HttpURLConnection) new URL(url + request[1]).openConnection();
        connection.setRequestMethod(request[0]);
        if (request[0].equals("POST")) {
            connection.setDoOutput(true);
            connection.getOutputStream().write(ORDER);
        }
        try (InputStream body = connection.getInputStream()) {
            body.readAllBytes();
        }
    }
}
