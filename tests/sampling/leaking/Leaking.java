import java.util.ArrayList;
import java.util.List;
import java.util.Scanner;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** Keeps pages of 16 KiB for good, and threads: one that waits in a method of its own, and one that a pool forgot. */
public final class Leaking {
    private static final List<byte[]> KEPT = new ArrayList<>();
    private static final List<ExecutorService> FORGOTTEN = new ArrayList<>();

    static void remember() {
        KEPT.add(new byte[16 << 10]);
    }

    static void await() {
        try {
            new CountDownLatch(1).await();
        } catch (InterruptedException ended) {
            Thread.currentThread().interrupt();
        }
    }

    static void startPool() {
        ExecutorService pool = Executors.newFixedThreadPool(1);
        pool.submit(() -> 42);
        FORGOTTEN.add(pool);
    }

    public static void main(String[] arguments) {
        System.out.println("ready");
        Scanner lines = new Scanner(System.in);
        while (lines.hasNextInt()) {
            int count = lines.nextInt();
            for (int n = 0; n < count; n++) {
                remember();
            }
            new Thread(Leaking::await).start();
            startPool();
            System.out.println("leaked");
        }
        System.exit(0);
    }
}
