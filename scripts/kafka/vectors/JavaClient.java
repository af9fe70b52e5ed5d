// Writes the records of a manifest to a topic with Kafka's own client, in one batch, and reads them back.
//
// java -cp JARS JavaClient.java produce|transaction BOOTSTRAP TOPIC CODEC < records
// java -cp JARS JavaClient.java consume BOOTSTRAP TOPIC COUNT
//
// A record is a line of fields: time, key, value, then name and value of each header; bytes are hexadecimal behind an x,
// and null is a dash.
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

public final class JavaClient {
  private static final long LINGER_MS = 2_000;
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  public static void main(String[] args) throws Exception {
    if (args[0].equals("consume")) consume(args[1], args[2], Integer.parseInt(args[3]));
    else produce(args[1], args[2], args[3], args[0].equals("transaction"));
  }

  private static void produce(String bootstrap, String topic, String codec, boolean inTransaction) throws Exception {
    Properties config = new Properties();
    config.put("bootstrap.servers", bootstrap);
    config.put("compression.type", codec);
    config.put("linger.ms", LINGER_MS);
    config.put("batch.size", 1_000_000);
    if (inTransaction) config.put("transactional.id", topic);
    var serializer = new ByteArraySerializer();
    try (var producer = new KafkaProducer<>(config, serializer, serializer);
        var lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
      if (inTransaction) {
        producer.initTransactions();
        producer.beginTransaction();
      }
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        String[] fields = line.split(" ");
        List<Header> headers = new ArrayList<>();
        for (int i = 3; i < fields.length; i += 2) {
          headers.add(new RecordHeader(new String(bytes(fields[i]), StandardCharsets.UTF_8), bytes(fields[i + 1])));
        }
        long time = Long.parseLong(fields[0]);
        producer.send(new ProducerRecord<>(topic, 0, time, bytes(fields[1]), bytes(fields[2]), headers));
      }
      if (inTransaction) producer.commitTransaction();
    }
  }

  private static void consume(String bootstrap, String topic, int count) {
    Properties config = new Properties();
    config.put("bootstrap.servers", bootstrap);
    config.put("isolation.level", "read_committed");
    config.put("check.crcs", "true");
    var deserializer = new ByteArrayDeserializer();
    try (var consumer = new KafkaConsumer<>(config, deserializer, deserializer)) {
      var partition = new TopicPartition(topic, 0);
      consumer.assign(List.of(partition));
      consumer.seekToBeginning(List.of(partition));
      long deadline = System.nanoTime() + PATIENCE.toNanos();
      for (int seen = 0; seen < count && System.nanoTime() < deadline; ) {
        for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(200))) {
          System.out.println(line(record));
          seen++;
        }
      }
    }
  }

  private static String line(ConsumerRecord<byte[], byte[]> record) {
    var fields = new ArrayList<String>();
    fields.add(Long.toString(record.timestamp()));
    fields.add(text(record.key()));
    fields.add(text(record.value()));
    for (Header header : record.headers()) {
      fields.add(text(header.key().getBytes(StandardCharsets.UTF_8)));
      fields.add(text(header.value()));
    }
    return String.join(" ", fields);
  }

  private static byte[] bytes(String field) {
    return field.equals("-") ? null : HexFormat.of().parseHex(field.substring(1));
  }

  private static String text(byte[] bytes) {
    return bytes == null ? "-" : "x" + HexFormat.of().formatHex(bytes);
  }
}
