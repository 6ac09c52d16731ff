import java.io.InputStream;
import java.net.URL;
import java.util.ArrayList;
import java.util.List;

/** Asks every endpoint that never leaks, until classes are loaded, the hot code is compiled and every worker has been used. */
final class WarmUp {
    private static final int CLIENTS = 8;
    private static final int ROUNDS = 150;
    private static final String[] PATHS = {"/healthz", "/metrics", "/products/7", "/export?mb=1"};

    private WarmUp() {}

    static void run(String url) throws InterruptedException {
        List<Thread> clients = new ArrayList<>();
        for (int n = 0; n < CLIENTS; n++) {
            Thread client = new Thread(() -> ask(url));
            client.start();
            clients.add(client);
        }
        for (Thread client : clients) {
            client.join();
        }
        System.gc();
    }

    private static void ask(String url) {
        for (int round = 0; round < ROUNDS; round++) {
            for (String path : PATHS) {
                try (InputStream body = new URL(url + path).openStream()) {
                    body.readAllBytes();
                } catch (java.io.IOException error) {
                    throw new IllegalStateException(error);
                }
            }
        }
    }
}
