import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Properties;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.AggregateFunction;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.functions.KeySelector;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.DataStreamUtils;
import org.apache.flink.streaming.api.datastream.KeyedStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.ProcessFunction;
import org.apache.flink.streaming.api.functions.windowing.ProcessWindowFunction;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.util.Collector;
import org.apache.flink.util.OutputTag;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;

/**
 * The orders job on Flink, exactly once, state on the heap:
 * {@code OrdersFlink BROKERS GROUP CHECKPOINTS ORDERS CHECKPOINT_MS by-order|by-product}.
 */
public final class OrdersFlink {
  private static final OutputTag<Order> INVALID = new OutputTag<>("invalid", TypeInformation.of(Order.class));
  private static final OutputTag<Order> LATE = new OutputTag<>("late", TypeInformation.of(Order.class));

  private OrdersFlink() {}

  public static void main(String[] args) throws Exception {
    String brokers = args[0];
    String group = args[1];
    Turn.expect(Long.parseLong(args[3]));
    Configuration settings = new Configuration();
    settings.setString("execution.checkpointing.storage", "filesystem");
    settings.setString("execution.checkpointing.dir", Path.of(args[2]).toUri().toString());
    StreamExecutionEnvironment environment = StreamExecutionEnvironment.getExecutionEnvironment(settings);
    environment.enableCheckpointing(Long.parseLong(args[4]));
    WatermarkStrategy<Order> times = WatermarkStrategy
        .<Order>forBoundedOutOfOrderness(Duration.ofMillis(Order.OUT_OF_ORDER_MS))
        // An order that is not valid has no time, and moves none.
        .withTimestampAssigner((order, appended) -> order.isValid() ? order.time : Long.MIN_VALUE);
    SingleOutputStreamOperator<Order> valid =
        environment.fromSource(source(brokers, group), times, "orders").process(new Split());
    valid.sinkTo(sink(brokers, group, "processed-orders"));
    valid.getSideOutput(INVALID).sinkTo(sink(brokers, group, "orders-dlq"));
    SingleOutputStreamOperator<Tuple2<String, byte[]>> metrics = byProduct(valid, args[5].equals("by-product"))
        .window(TumblingEventTimeWindows.of(Duration.ofMillis(Order.WINDOW_MS)))
        .sideOutputLateData(LATE)
        .aggregate(new Sums(), new Row());
    DataStream<Order> late = metrics.getSideOutput(LATE);
    late.sinkTo(sink(brokers, group, "orders-late"));
    metrics.map(OrdersFlink::outgoing).returns(Order.class).sinkTo(sink(brokers, group, "product-metrics"));
    environment.execute("orders");
    Turn.say("end");
    System.in.read();
    System.exit(0);
  }

  /** Flink spreads keys in a way of its own, so that a topic keyed by product spares it the shuffle where one task has all of them. */
  private static KeyedStream<Order, String> byProduct(SingleOutputStreamOperator<Order> valid, boolean isKeyed) {
    KeySelector<Order, String> product = order -> order.product;
    boolean isAlone = valid.getExecutionEnvironment().getParallelism() == 1;
    return isKeyed && isAlone
        ? DataStreamUtils.reinterpretAsKeyedStream(valid, product, Types.STRING)
        : valid.keyBy(product, Types.STRING);
  }

  private static Order outgoing(Tuple2<String, byte[]> row) {
    Order order = new Order();
    order.key = row.f0.getBytes(StandardCharsets.UTF_8);
    order.value = row.f1;
    return order;
  }

  private static KafkaSource<Order> source(String brokers, String group) {
    return KafkaSource.<Order>builder()
        .setBootstrapServers(brokers)
        .setGroupId(group)
        .setTopics("orders")
        .setStartingOffsets(OffsetsInitializer.earliest())
        .setBounded(OffsetsInitializer.latest())
        .setDeserializer(new Decode())
        .build();
  }

  private static KafkaSink<Order> sink(String brokers, String group, String topic) {
    Properties settings = new Properties();
    // Flink's default is beyond what a broker allows.
    settings.setProperty("transaction.timeout.ms", "600000");
    return KafkaSink.<Order>builder()
        .setBootstrapServers(brokers)
        .setKafkaProducerConfig(settings)
        .setDeliveryGuarantee(DeliveryGuarantee.EXACTLY_ONCE)
        .setTransactionalIdPrefix(group + "-" + topic)
        .setRecordSerializer(
            (KafkaRecordSerializationSchema<Order>)
                (order, context, timestamp) -> new ProducerRecord<>(topic, order.key, order.value))
        .build();
  }

  private static final class Decode implements KafkaRecordDeserializationSchema<Order> {
    @Override
    public void deserialize(ConsumerRecord<byte[], byte[]> record, Collector<Order> out) throws IOException {
      out.collect(Order.of(record.key(), record.value()));
    }

    @Override
    public TypeInformation<Order> getProducedType() {
      return TypeInformation.of(Order.class);
    }
  }

  private static final class Split extends ProcessFunction<Order, Order> {
    @Override
    public void processElement(Order order, Context context, Collector<Order> out) {
      Turn.count();
      if (order.isValid()) out.collect(order);
      else context.output(INVALID, order);
    }
  }

  private static final class Sums implements AggregateFunction<Order, Tuple2<Long, Long>, Tuple2<Long, Long>> {
    @Override
    public Tuple2<Long, Long> createAccumulator() {
      return Tuple2.of(0L, 0L);
    }

    @Override
    public Tuple2<Long, Long> add(Order order, Tuple2<Long, Long> sums) {
      sums.f0++;
      sums.f1 += order.cents;
      return sums;
    }

    @Override
    public Tuple2<Long, Long> getResult(Tuple2<Long, Long> sums) {
      return sums;
    }

    @Override
    public Tuple2<Long, Long> merge(Tuple2<Long, Long> a, Tuple2<Long, Long> b) {
      return Tuple2.of(a.f0 + b.f0, a.f1 + b.f1);
    }
  }

  private static final class Row extends ProcessWindowFunction<Tuple2<Long, Long>, Tuple2<String, byte[]>, String, TimeWindow> {
    @Override
    public void process(String product, Context context, Iterable<Tuple2<Long, Long>> sums, Collector<Tuple2<String, byte[]>> out) {
      Tuple2<Long, Long> of = sums.iterator().next();
      out.collect(Tuple2.of(product, Order.metrics(product, context.window().getStart(), of.f0, of.f1)));
    }
  }
}
