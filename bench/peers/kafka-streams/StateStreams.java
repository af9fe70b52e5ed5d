import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Properties;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.processor.api.ContextualProcessor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/**
 * The job of the state bench on Kafka Streams, exactly once: {@code StateStreams BROKERS APPLICATION STATE INPUT OUTPUT}. Counts and
 * sums by key in RocksDB, a result for each record. Runs until SIGTERM.
 */
public final class StateStreams {
  private static final String STORE = "counts";

  private StateStreams() {}

  public static void main(String[] args) throws Exception {
    Properties settings = new Properties();
    settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, args[0]);
    settings.put(StreamsConfig.APPLICATION_ID_CONFIG, args[1]);
    settings.put(StreamsConfig.STATE_DIR_CONFIG, args[2]);
    settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
    settings.put("auto.offset.reset", "earliest");
    // Without it, who starts again waits for the session of the process that was killed to end: 45 s.
    settings.put("group.instance.id", args[1]);
    KafkaStreams streams = new KafkaStreams(topology(args[3], args[4]).build(), settings);
    streams.setUncaughtExceptionHandler(failure -> {
      failure.printStackTrace();
      Runtime.getRuntime().halt(1);
      return StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
    });
    Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
    streams.start();
  }

  private static StreamsBuilder topology(String input, String output) {
    Serde<byte[]> bytes = Serdes.ByteArray();
    StreamsBuilder builder = new StreamsBuilder();
    // The cache takes in what a key is given between two commits, while each record still has its result.
    builder.addStateStore(
        Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore(STORE), bytes, bytes).withCachingEnabled());
    builder.stream(input, Consumed.with(bytes, bytes))
        .process(Count::new, STORE)
        .to(output, Produced.with(bytes, bytes));
    return builder;
  }

  private static final class Count extends ContextualProcessor<byte[], byte[], byte[], byte[]> {
    private KeyValueStore<byte[], byte[]> store;

    @Override
    public void init(ProcessorContext<byte[], byte[]> context) {
      super.init(context);
      store = context.getStateStore(STORE);
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
      byte[] before = store.get(record.key());
      long count = 1;
      long sum = Long.parseLong(new String(record.value(), StandardCharsets.ISO_8859_1));
      if (before != null) {
        ByteBuffer held = ByteBuffer.wrap(before);
        count += held.getLong();
        sum += held.getLong();
      }
      store.put(record.key(), ByteBuffer.allocate(2 * Long.BYTES).putLong(count).putLong(sum).array());
      context().forward(record.withValue((count + "," + sum).getBytes(StandardCharsets.ISO_8859_1)));
    }
  }
}
