import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Timer;
import java.util.TimerTask;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.Exchanger;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Phaser;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.Semaphore;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/** A service that strands threads in one way of many: {@code Zoo -leak latch}. All else is fixed. */
public final class Zoo {
    private static final long PATIENCE = 1;
    private static final List<Object> KEPT = Collections.synchronizedList(new ArrayList<>());
    private static final Thread SLEEPER = new Thread(() -> LockSupport.park(Zoo.class), "sleeper");

    private Zoo() {}

    interface Waiting {
        void run() throws Exception;
    }

    private static void start(Waiting waiting) {
        Thread thread = new Thread(() -> {
            try {
                waiting.run();
            } catch (Exception ended) {
                Thread.currentThread().interrupt();
            }
        });
        thread.setDaemon(true);
        thread.start();
    }

    private static void awaitLatch(CountDownLatch latch, boolean leak) throws InterruptedException {
        if (leak) {
            latch.await();
        }
        latch.await(PATIENCE, TimeUnit.MILLISECONDS);
    }

    private static void takeJob(BlockingQueue<String> jobs, boolean leak) throws InterruptedException {
        if (leak) {
            jobs.take();
        }
        jobs.poll(PATIENCE, TimeUnit.MILLISECONDS);
    }

    private static void handOver(SynchronousQueue<String> answers, boolean leak) throws InterruptedException {
        if (leak) {
            answers.put("answer");
        }
        answers.offer("answer", PATIENCE, TimeUnit.MILLISECONDS);
    }

    private static void joinWorker(Thread worker, boolean leak) throws InterruptedException {
        worker.join(leak ? 0 : PATIENCE);
    }

    /** The first that comes never unlocks: it returns on its error path. */
    private static void lockOnce(ReentrantLock lock, boolean leak) throws InterruptedException {
        if (leak) {
            lock.lock();
        } else if (lock.tryLock(PATIENCE, TimeUnit.MILLISECONDS)) {
            lock.unlock();
        }
    }

    private static void upgrade(ReentrantReadWriteLock lock, boolean leak) throws InterruptedException {
        lock.readLock().lock();
        if (leak) {
            lock.writeLock().lock();
        }
        lock.readLock().unlock();
    }

    private static void lockPair(Object first, Object second, CyclicBarrier both) throws Exception {
        synchronized (first) {
            both.await(1, TimeUnit.SECONDS);
            synchronized (second) {
                both.reset();
            }
        }
    }

    private static void lockInOrder(Object first, Object second) {
        synchronized (first) {
            synchronized (second) {
                LockSupport.parkNanos(1);
            }
        }
    }

    private static void awaitReply(CompletableFuture<String> reply, boolean leak) throws Exception {
        if (leak) {
            reply.get();
        }
        reply.completeOnTimeout("late", PATIENCE, TimeUnit.MILLISECONDS).get();
    }

    private static void awaitSignal(ReentrantLock lock, Condition ready, boolean leak) throws InterruptedException {
        lock.lock();
        try {
            if (leak) {
                ready.await();
            }
            ready.await(PATIENCE, TimeUnit.MILLISECONDS);
        } finally {
            lock.unlock();
        }
    }

    private static void awaitNotice(Object board, boolean leak) throws InterruptedException {
        synchronized (board) {
            board.wait(leak ? 0 : PATIENCE);
        }
    }

    private static void acquirePermit(Semaphore permits, boolean leak) throws InterruptedException {
        if (leak) {
            permits.acquire();
        }
        permits.tryAcquire(PATIENCE, TimeUnit.MILLISECONDS);
    }

    private static void parkForGood(boolean leak) {
        if (leak) {
            LockSupport.park(Zoo.class);
        }
        LockSupport.parkNanos(1000);
    }

    private static void meetOthers(CyclicBarrier barrier, boolean leak) throws Exception {
        if (leak) {
            barrier.await();
        }
    }

    private static void awaitPhase(Phaser phaser, boolean leak) {
        if (leak) {
            phaser.awaitAdvance(phaser.getPhase());
        }
    }

    private static void exchangeWithNobody(Exchanger<String> exchanger, boolean leak) throws Exception {
        if (leak) {
            exchanger.exchange("mine");
        }
    }

    private static void startExecutor(boolean leak) {
        ExecutorService executor = Executors.newFixedThreadPool(1);
        executor.execute(() -> LockSupport.parkNanos(1));
        if (leak) {
            KEPT.add(executor);
        } else {
            executor.shutdown();
        }
    }

    private static void startSchedule(boolean leak) {
        ScheduledExecutorService schedule = Executors.newScheduledThreadPool(1);
        schedule.scheduleAtFixedRate(() -> LockSupport.parkNanos(1), 1, 3600, TimeUnit.SECONDS);
        if (!leak) {
            schedule.shutdownNow();
        }
    }

    private static void startTimer(boolean leak) {
        Timer timer = new Timer(true);
        timer.schedule(new TimerTask() {
            @Override
            public void run() {
                LockSupport.parkNanos(1);
            }
        }, 3_600_000);
        if (!leak) {
            timer.cancel();
        }
    }

    private static final ReentrantLock NEVER_UNLOCKED = new ReentrantLock();
    private static final Semaphore NEVER_RELEASED = new Semaphore(0);

    private static void strand(String kind, boolean leak) {
        switch (kind) {
            case "latch" -> start(() -> awaitLatch(new CountDownLatch(1), leak));
            case "queue-take" -> start(() -> takeJob(new LinkedBlockingQueue<>(), leak));
            case "hand-over" -> start(() -> handOver(new SynchronousQueue<>(), leak));
            case "join" -> start(() -> joinWorker(SLEEPER, leak));
            case "missing-unlock" -> start(() -> lockOnce(leak ? NEVER_UNLOCKED : new ReentrantLock(), leak));
            case "read-write-locks" -> start(() -> upgrade(new ReentrantReadWriteLock(), leak));
            case "lock-order" -> lockBoth(new Object(), new Object(), leak);
            case "future" -> start(() -> awaitReply(new CompletableFuture<>(), leak));
            case "condition" -> {
                ReentrantLock lock = new ReentrantLock();
                start(() -> awaitSignal(lock, lock.newCondition(), leak));
            }
            case "wait" -> start(() -> awaitNotice(new Object(), leak));
            case "semaphore" -> start(() -> acquirePermit(NEVER_RELEASED, leak));
            case "park" -> start(() -> parkForGood(leak));
            case "barrier" -> start(() -> meetOthers(new CyclicBarrier(2), leak));
            case "phaser" -> start(() -> awaitPhase(new Phaser(1), leak));
            case "exchanger" -> start(() -> exchangeWithNobody(new Exchanger<>(), leak));
            case "executor" -> startExecutor(leak);
            case "schedule" -> startSchedule(leak);
            case "timer" -> startTimer(leak);
            default -> throw new IllegalArgumentException(kind);
        }
    }

    private static void lockBoth(Object first, Object second, boolean leak) {
        if (leak) {
            CyclicBarrier both = new CyclicBarrier(2);
            start(() -> lockPair(first, second, both));
            start(() -> lockPair(second, first, both));
        } else {
            start(() -> lockInOrder(first, second));
            start(() -> lockInOrder(first, second));
        }
    }

    private static void answer(HttpExchange exchange, String text) throws IOException {
        byte[] body = text.getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", "text/plain");
        exchange.sendResponseHeaders(200, body.length);
        exchange.getResponseBody().write(body);
        exchange.close();
    }

    private static void endWithInput() throws IOException {
        while (System.in.read() >= 0) {
            continue;
        }
        Runtime.getRuntime().halt(0);
    }

    public static void main(String[] arguments) throws IOException {
        List<String> given = List.of(arguments);
        String leaking = given.get(given.indexOf("-leak") + 1);
        SLEEPER.setDaemon(true);
        SLEEPER.start();
        if (given.contains("-until-eof")) {
            start(Zoo::endWithInput);
        }
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 128);
        server.setExecutor(Executors.newFixedThreadPool(8));
        server.createContext("/", exchange -> {
            String kind = exchange.getRequestURI().getPath().substring(1);
            if (kind.equals("metrics")) {
                answer(exchange, "# TYPE zoo_up gauge\nzoo_up 1\n");
            } else {
                strand(kind, kind.equals(leaking));
                answer(exchange, "ok\n");
            }
        });
        server.start();
        System.out.println("listening on http://127.0.0.1:" + server.getAddress().getPort());
    }
}
