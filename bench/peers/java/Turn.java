import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;

/** Tells the bench when the warm-up is over and when all records are done, in the same process. */
public final class Turn {
  private static final AtomicLong SEEN = new AtomicLong();
  private static final CountDownLatch ALL = new CountDownLatch(1);
  private static long warmUp;
  private static long total;

  private Turn() {}

  public static void expect(long records) {
    total = records;
    warmUp = records / 5;
  }

  public static void count() {
    long seen = SEEN.incrementAndGet();
    if (seen == warmUp) say("begin " + (double) warmUp / total);
    if (seen == total) ALL.countDown();
  }

  public static void awaitAll() throws InterruptedException {
    ALL.await();
  }

  public static void say(String line) {
    System.out.println(line);
    System.out.flush();
  }
}
