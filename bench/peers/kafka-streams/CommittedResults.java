import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * What a reader of committed records sees of a topic, by Kafka's own client: {@code CommittedResults BROKERS TOPIC RESULTS}. Told
 * {@code watch}, it says {@code watching}, and {@code first} when a record comes that was not there yet. Told {@code sum}, it says
 * {@code all} when it has read so many results from the beginning, or none has come for long; and told {@code end}, how many
 * there are in all, and the sum of their hashes.
 */
public final class CommittedResults {
  private static final Duration WAIT = Duration.ofMillis(20);
  private static final long QUIET_NANOS = 60_000_000_000L;
  private static final long HASH_MASK = (1L << 48) - 1;

  private final KafkaConsumer<byte[], byte[]> consumer;
  private final List<TopicPartition> partitions;
  private long results;
  private long hash;

  public static void main(String[] args) throws Exception {
    Properties settings = new Properties();
    settings.put("bootstrap.servers", args[0]);
    settings.put("isolation.level", "read_committed");
    settings.put("fetch.max.wait.ms", String.valueOf(WAIT.toMillis()));
    ByteArrayDeserializer bytes = new ByteArrayDeserializer();
    try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(settings, bytes, bytes)) {
      CommittedResults topic = new CommittedResults(consumer, args[1]);
      long expected = Long.parseLong(args[2]);
      BufferedReader commands = new BufferedReader(new InputStreamReader(System.in));
      for (String command = commands.readLine(); command != null; command = commands.readLine()) {
        if (command.equals("watch")) topic.watch();
        else if (command.equals("sum")) topic.sum(expected);
        else topic.end();
      }
    }
  }

  private CommittedResults(KafkaConsumer<byte[], byte[]> consumer, String topic) {
    this.consumer = consumer;
    partitions = consumer.partitionsFor(topic).stream()
        .map(partition -> new TopicPartition(topic, partition.partition())).toList();
    consumer.assign(partitions);
  }

  private void watch() {
    consumer.seekToEnd(partitions);
    for (TopicPartition partition : partitions) consumer.position(partition);
    Turn.say("watching");
    while (consumer.poll(WAIT).isEmpty()) {}
    Turn.say("first");
  }

  private void sum(long expected) {
    consumer.seekToBeginning(partitions);
    long last = System.nanoTime();
    while (results < expected && System.nanoTime() - last < QUIET_NANOS) {
      if (take(consumer.poll(WAIT))) last = System.nanoTime();
    }
    Turn.say("all");
  }

  /** Nothing is under way any more: reads to the end of what is committed, whatever markers stand there. */
  private void end() {
    Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
    while (ends.entrySet().stream().anyMatch(end -> consumer.position(end.getKey()) < end.getValue())) {
      take(consumer.poll(WAIT));
    }
    Turn.say("{\"results\":" + results + ",\"hash\":" + hash + "}");
  }

  private boolean take(ConsumerRecords<byte[], byte[]> records) {
    for (ConsumerRecord<byte[], byte[]> record : records) {
      int fnv = hashed(0x811c9dc5, record.key());
      fnv = hashed((fnv ^ '=') * 0x01000193, record.value());
      hash = (hash + Integer.toUnsignedLong(fnv)) & HASH_MASK;
      results++;
    }
    return !records.isEmpty();
  }

  private static int hashed(int hash, byte[] ascii) {
    for (byte one : ascii) hash = (hash ^ one) * 0x01000193;
    return hash;
  }
}
