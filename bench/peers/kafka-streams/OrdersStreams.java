import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Properties;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.Repartitioned;
import org.apache.kafka.streams.kstream.Suppressed;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.processor.api.ContextualFixedKeyProcessor;
import org.apache.kafka.streams.processor.api.FixedKeyRecord;

/**
 * The orders job on Kafka Streams, exactly once: {@code OrdersStreams BROKERS APPLICATION STATE VALID_ORDERS [by-product]}. Orders are
 * re-keyed by product through a topic, as the engine does it, but where their keys are products already; a late order is dropped, as it
 * has no side output for it.
 */
public final class OrdersStreams {
  /** The engine's tasks read their partitions at paces of their own: with less, orders were seen to come too late for its windows. */
  private static final Duration GRACE = Duration.ofMillis(300_000);

  private OrdersStreams() {}

  public static void main(String[] args) throws Exception {
    Turn.expect(Long.parseLong(args[3]));
    Properties settings = new Properties();
    settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, args[0]);
    settings.put(StreamsConfig.APPLICATION_ID_CONFIG, args[1]);
    settings.put(StreamsConfig.STATE_DIR_CONFIG, args[2]);
    settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
    settings.put("auto.offset.reset", "earliest");
    boolean isKeyed = args.length > 4 && args[4].equals("by-product");
    KafkaStreams streams = new KafkaStreams(topology(isKeyed).build(), settings);
    streams.start();
    Turn.awaitAll();
    Turn.say("end");
    System.in.read();
    // Commits what is under way.
    streams.close();
  }

  private static StreamsBuilder topology(boolean isKeyed) {
    Serde<byte[]> bytes = Serdes.ByteArray();
    Serde<String> text = Serdes.String();
    StreamsBuilder builder = new StreamsBuilder();
    KStream<String, Order> orders = builder.stream("orders", Consumed.with(text, bytes)).processValues(Check::new);
    orders.filterNot((key, order) -> order.isValid()).map((key, order) -> KeyValue.pair(order.key, order.value))
        .to("orders-dlq", Produced.with(bytes, bytes));
    KStream<String, Order> valid = orders.filter((key, order) -> order.isValid());
    valid.map((key, order) -> KeyValue.pair(order.key, order.value)).to("processed-orders", Produced.with(bytes, bytes));
    KStream<String, Long> byProduct = isKeyed
        ? valid.mapValues(order -> order.cents)
        : valid.map((key, order) -> KeyValue.pair(order.product, order.cents))
            .repartition(Repartitioned.with(text, Serdes.Long()).withName("by-product"));
    byProduct
        .peek((product, cents) -> Turn.count())
        .groupByKey(Grouped.with(text, Serdes.Long()))
        .windowedBy(TimeWindows.ofSizeAndGrace(Duration.ofMillis(Order.WINDOW_MS), GRACE))
        .aggregate(() -> "0 0", OrdersStreams::add, Materialized.with(text, text))
        .suppress(Suppressed.untilWindowCloses(Suppressed.BufferConfig.unbounded()))
        .toStream()
        .map((window, sums) -> {
          int space = sums.indexOf(' ');
          long count = Long.parseLong(sums, 0, space, 10);
          long cents = Long.parseLong(sums, space + 1, sums.length(), 10);
          return KeyValue.pair(window.key(), Order.metrics(window.key(), window.window().start(), count, cents));
        })
        .to("product-metrics", Produced.with(text, bytes));
    return builder;
  }

  private static String add(String product, Long cents, String sums) {
    int space = sums.indexOf(' ');
    long count = Long.parseLong(sums, 0, space, 10) + 1;
    return count + " " + (Long.parseLong(sums, space + 1, sums.length(), 10) + cents);
  }

  /** Parses, and gives the record the time of the order. */
  private static final class Check extends ContextualFixedKeyProcessor<String, byte[], Order> {
    @Override
    public void process(FixedKeyRecord<String, byte[]> record) {
      Order order = Order.of(record.key().getBytes(StandardCharsets.UTF_8), record.value());
      context().forward(record.withValue(order).withTimestamp(order.isValid() ? order.time : record.timestamp()));
    }
  }
}
