import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import com.zaxxer.hikari.HikariDataSource;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.sql.SQLException;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * A service with HikariCP on PostgreSQL and Micrometer; it leaks in one chosen way, or not at all.
 *
 * <p>java -cp … Shop --database postgresql://… --leak map. Each leak sits behind one endpoint and costs the same with every
 * request to it; tests/targets/known.py says what and where.
 */
public final class Shop {
    private static final int WORKERS = 8;
    private static final int LISTED = 50;
    private static final int RECENT = 64;
    private static final int EXPORT_PIECE = 32 << 10;

    private volatile String leak = "none"; // until all is warm
    private final HikariDataSource pool;
    private final PrometheusMeterRegistry metrics;
    private final ArrayDeque<String> recent = new ArrayDeque<>();

    private Shop(HikariDataSource pool, PrometheusMeterRegistry metrics) {
        this.pool = pool;
        this.metrics = metrics;
    }

    private interface Handler {
        void handle(HttpExchange exchange) throws IOException, SQLException;
    }

    private static void answer(HttpExchange exchange, int status, String type, String text) throws IOException {
        byte[] body = text.getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", type);
        exchange.sendResponseHeaders(status, body.length);
        exchange.getResponseBody().write(body);
        exchange.close();
    }

    private static void json(HttpExchange exchange, String text) throws IOException {
        answer(exchange, 200, "application/json", text);
    }

    private void product(HttpExchange exchange) throws IOException, SQLException {
        int id = Integer.parseInt(exchange.getRequestURI().getPath().substring("/products/".length()));
        json(exchange, "{\"id\":" + id + ",\"name\":\"" + Database.product(pool, id) + "\"}");
    }

    private void orders(HttpExchange exchange) throws IOException {
        if (exchange.getRequestMethod().equals("POST")) {
            placeOrder(exchange);
            return;
        }
        if (leak.equals("threadlocal")) {
            Leaks.keepInThread();
        }
        StringBuilder list = new StringBuilder("[");
        for (int n = 0; n < LISTED; n++) {
            list.append(n == 0 ? "" : ",").append("{\"id\":").append(n).append(",\"product\":\"product ").append(n * 7 % 200).append("\"}");
        }
        json(exchange, list.append(']').toString());
    }

    private void placeOrder(HttpExchange exchange) throws IOException {
        try (InputStream body = exchange.getRequestBody()) {
            String order = new String(body.readNBytes(1 << 16), StandardCharsets.UTF_8);
            if (leak.equals("listeners")) {
                Leaks.listenForever();
            }
            answer(exchange, 201, "application/json", order);
        }
    }

    private void search(HttpExchange exchange) throws IOException {
        String text = String.valueOf(exchange.getRequestURI().getQuery());
        synchronized (recent) {
            recent.add(text);
            if (recent.size() > RECENT) {
                recent.remove();
            }
        }
        switch (leak) {
            case "map" -> Leaks.rememberSearch(text);
            case "direct" -> Leaks.keepDirectBuffer();
            case "churn" -> Leaks.churn();
            default -> { }
        }
        json(exchange, "[\"" + text.length() + "\"]");
    }

    private void stock(HttpExchange exchange) throws IOException {
        switch (leak) {
            case "threads" -> Leaks.startWatcher();
            case "executors" -> Leaks.startExecutor();
            default -> { }
        }
        json(exchange, "42");
    }

    private void invoice(HttpExchange exchange) throws IOException {
        switch (leak) {
            case "streams" -> Leaks.openUnclosed();
            case "sockets" -> Leaks.connectAndForget();
            default -> {
                try (InputStream file = new java.io.FileInputStream("/dev/null")) {
                    file.read();
                }
            }
        }
        json(exchange, "\"/dev/null\"");
    }

    private void shipping(HttpExchange exchange) throws IOException, SQLException {
        int price = switch (leak) {
            case "connections" -> Leaks.tariffUnreturned(pool);
            case "transaction" -> Leaks.tariffUncommitted(pool);
            default -> Database.tariff(pool);
        };
        json(exchange, Integer.toString(price));
    }

    private void export(HttpExchange exchange) throws IOException {
        int pieces = (Integer.parseInt(exchange.getRequestURI().getQuery().substring("mb=".length())) << 20) / EXPORT_PIECE;
        if (leak.equals("buffered")) {
            byte[] whole = Leaks.whole(pieces, EXPORT_PIECE);
            exchange.sendResponseHeaders(200, whole.length);
            for (int n = 0; n < pieces; n++) { // the server copies what it is given at once
                exchange.getResponseBody().write(whole, n * EXPORT_PIECE, EXPORT_PIECE);
            }
        } else {
            exchange.sendResponseHeaders(200, (long) pieces * EXPORT_PIECE);
            byte[] piece = new byte[EXPORT_PIECE];
            for (int n = 0; n < pieces; n++) {
                exchange.getResponseBody().write(piece);
            }
        }
        exchange.close();
    }

    private void route(HttpServer server, String path, Handler handler) {
        server.createContext(path, exchange -> {
            if (leak.equals("closure") && !path.equals("/healthz") && !path.equals("/metrics")) {
                Leaks.rememberRequest();
            }
            try {
                handler.handle(exchange);
            } catch (SQLException | RuntimeException error) {
                answer(exchange, 503, "text/plain", String.valueOf(error));
            }
        });
    }

    private HttpServer serve(int port) throws IOException {
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 128);
        ExecutorService workers = Executors.newFixedThreadPool(WORKERS);
        server.setExecutor(workers);
        route(server, "/healthz", exchange -> answer(exchange, 200, "text/plain", "ok\n"));
        route(server, "/metrics", exchange -> answer(exchange, 200, "text/plain; version=0.0.4", metrics.scrape()));
        route(server, "/products/", this::product);
        route(server, "/orders", this::orders);
        route(server, "/search", this::search);
        route(server, "/stock/", this::stock);
        route(server, "/invoices/latest", this::invoice);
        route(server, "/shipping/", this::shipping);
        route(server, "/export", this::export);
        server.start();
        return server;
    }

    private static Map<String, String> flags(String[] arguments) {
        Map<String, String> flags = new HashMap<>(Map.of("--addr", "127.0.0.1:0", "--leak", "none"));
        List<String> left = Arrays.asList(arguments);
        for (int n = 0; n < left.size(); n++) {
            String name = left.get(n);
            flags.put(name, name.equals("--until-eof") ? "yes" : left.get(++n));
        }
        return flags;
    }

    public static void main(String[] arguments) throws Exception {
        Map<String, String> flags = flags(arguments);
        String leak = flags.get("--leak");
        String[] address = flags.get("--addr").split(":");
        if (!Leaks.NAMES.contains(leak) || !address[0].equals("127.0.0.1") || !flags.containsKey("--database")) {
            System.err.println("usage: Shop --database postgresql://… [--addr 127.0.0.1:PORT] [--leak " + Leaks.NAMES + "] [--until-eof]");
            System.exit(2);
        }
        PrometheusMeterRegistry metrics = Metrics.registry();
        HikariDataSource pool = Database.open(flags.get("--database"), leak, metrics);
        Leaks.startCarrier();
        Shop shop = new Shop(pool, metrics);
        HttpServer server = shop.serve(Integer.parseInt(address[1]));
        int port = server.getAddress().getPort();
        WarmUp.run("http://127.0.0.1:" + port);
        shop.leak = leak;
        System.out.println("listening on http://127.0.0.1:" + port);
        if (flags.containsKey("--until-eof")) {
            while (System.in.read() >= 0) {
                continue;
            }
            Runtime.getRuntime().halt(0);
        }
    }
}
