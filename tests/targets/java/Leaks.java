import com.zaxxer.hikari.HikariDataSource;
import java.io.FileInputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** The leaks, one method each. What they keep are classes of this file's own, so that a histogram of classes names them. */
final class Leaks {
    static final List<String> NAMES = List.of(
            "none", "map", "listeners", "threadlocal", "closure", "threads", "executors", "streams", "sockets", "connections",
            "transaction", "direct", "pool-large", "idle-kept", "churn", "buffered");
    private static final int PAGE = 64 << 10;
    private static final int REQUEST_PAGE = 16 << 10;
    private static final int DIRECT = 64 << 10;

    private static final Map<String, SearchResult> SEARCHES = new ConcurrentHashMap<>();
    private static final List<StockListener> LISTENERS = Collections.synchronizedList(new ArrayList<>());
    private static final ThreadLocal<List<RequestState>> OF_THREAD = ThreadLocal.withInitial(ArrayList::new);
    private static final List<Runnable> ON_STOP = Collections.synchronizedList(new ArrayList<>());
    private static final List<Object> OPENED = Collections.synchronizedList(new ArrayList<>());
    private static final List<ByteBuffer> BUFFERS = Collections.synchronizedList(new ArrayList<>());
    private static final CountDownLatch NEVER = new CountDownLatch(1);
    private static ServerSocket carrier;
    private static volatile byte[] garbage;

    private Leaks() {}

    record SearchResult(byte[] page) {}

    record RequestState(byte[] page) {}

    interface StockListener {
        int changed();
    }

    /** A cache whose key never comes again, without a bound. */
    static void rememberSearch(String text) {
        SEARCHES.put(text + "-" + System.nanoTime() + "-" + Thread.currentThread().getId(), new SearchResult(new byte[PAGE]));
    }

    /** A listener a request, and none removed. */
    static void listenForever() {
        byte[] page = new byte[PAGE];
        LISTENERS.add(() -> page.length);
    }

    /** The executor's threads live on, and with them what is theirs. */
    static void keepInThread() {
        OF_THREAD.get().add(new RequestState(new byte[PAGE]));
    }

    /** A filter whose closure for the end of the service holds a copy of each request, on every endpoint. */
    static void rememberRequest() {
        byte[] copied = new byte[REQUEST_PAGE];
        ON_STOP.add(() -> System.out.println(copied.length));
    }

    /** A thread that waits for what never comes. */
    static void startWatcher() {
        Thread watcher = new Thread(Leaks::awaitReply, "watcher");
        watcher.setDaemon(true);
        watcher.start();
    }

    private static void awaitReply() {
        try {
            NEVER.await();
        } catch (InterruptedException ended) {
            Thread.currentThread().interrupt();
        }
    }

    /** An executor a request, and no shutdown: its idle thread waits for tasks for good. */
    static void startExecutor() {
        ExecutorService executor = Executors.newFixedThreadPool(1, task -> {
            Thread thread = new Thread(task, "forgotten-executor");
            thread.setDaemon(true);
            return thread;
        });
        executor.submit(() -> 42);
        OPENED.add(executor);
    }

    /** A stream that is never closed, and never collected. */
    static void openUnclosed() throws IOException {
        OPENED.add(new FileInputStream("/dev/null"));
    }

    /** What the shop asks over TCP, in this process. */
    static void startCarrier() throws IOException {
        carrier = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    }

    /** Both ends of the connection stay open: two descriptors. */
    static synchronized void connectAndForget() throws IOException {
        OPENED.add(new Socket(InetAddress.getLoopbackAddress(), carrier.getLocalPort()));
        OPENED.add(carrier.accept());
    }

    /** A connection that nobody returns. */
    static int tariffUnreturned(HikariDataSource pool) throws SQLException {
        return Database.tariff(pool.getConnection());
    }

    /** A transaction that nobody ends, and with it the connection. */
    static int tariffUncommitted(HikariDataSource pool) throws SQLException {
        Connection connection = pool.getConnection();
        connection.setAutoCommit(false);
        return Database.tariff(connection);
    }

    /** Memory that is not the heap's. */
    static void keepDirectBuffer() {
        BUFFERS.add(ByteBuffer.allocateDirect(DIRECT));
    }

    /** Garbage, and none of it kept but the last. */
    static void churn() {
        for (int n = 0; n < 64; n++) {
            garbage = new byte[PAGE];
        }
    }

    static byte[] whole(int pieces, int size) {
        byte[] built = new byte[pieces * size];
        for (int n = 0; n < pieces; n++) {
            built[n * size] = 42;
        }
        return built;
    }
}
