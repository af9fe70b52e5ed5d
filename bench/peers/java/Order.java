import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.Map;

/** What the orders job makes of one record: the same checks and the same outputs as the pipeline's. */
public class Order {
  public static final long WINDOW_MS = 60_000;
  public static final long OUT_OF_ORDER_MS = 5_000;
  private static final double MAX_AMOUNT = 1_000_000;
  private static final Map<String, String> PRODUCT_NAMES =
      Map.of("prod-1", "Laptop", "prod-2", "Phone", "prod-3", "Tablet", "prod-4", "Monitor", "prod-5", "Keyboard");
  private static final ObjectMapper JSON = new ObjectMapper();
  private static Moment last = new Moment(0, "");

  /** The order's id; of an order that is not valid, the key it came with. */
  public byte[] key;
  /** What goes out: the enriched order, or the dead letter. */
  public byte[] value;
  /** Null: the order is not valid. */
  public String product;
  public long cents;
  public long time;

  public static Order of(byte[] key, byte[] bytes) {
    Order order = new Order();
    if (!order.read(bytes)) {
      order.key = key;
      order.product = null;
      ObjectNode letter = JSON.createObjectNode().put("value", new String(bytes, StandardCharsets.UTF_8));
      order.value = write(letter);
    }
    return order;
  }

  public boolean isValid() {
    return product != null;
  }

  private boolean read(byte[] bytes) {
    try {
      if (!(JSON.readTree(bytes) instanceof ObjectNode node)) return false;
      JsonNode amount = node.get("amount");
      if (!isText(node.get("order_id")) || !isText(node.get("user_id")) || !isText(node.get("timestamp"))) return false;
      if (!isText(node.get("product_id")) || !PRODUCT_NAMES.containsKey(node.get("product_id").textValue())) return false;
      if (amount == null || !amount.isNumber() || amount.doubleValue() <= 0 || amount.doubleValue() > MAX_AMOUNT) return false;
      key = node.get("order_id").textValue().getBytes(StandardCharsets.UTF_8);
      product = node.get("product_id").textValue();
      cents = Math.round(amount.doubleValue() * 100);
      time = Instant.parse(node.get("timestamp").textValue()).toEpochMilli();
      node.put("product_name", PRODUCT_NAMES.get(product)).put("processed_at", now());
      value = write(node);
      return true;
    } catch (IOException | DateTimeParseException broken) {
      return false;
    }
  }

  private record Moment(long millis, String text) {}

  /** A text a millisecond, as the pipeline makes one for records that it takes together. */
  private static String now() {
    long millis = System.currentTimeMillis();
    Moment moment = last;
    if (moment.millis != millis) last = moment = new Moment(millis, Instant.ofEpochMilli(millis).toString());
    return moment.text;
  }

  private static boolean isText(JsonNode node) {
    return node != null && node.isTextual() && !node.textValue().isEmpty();
  }

  public static byte[] metrics(String product, long start, long count, long cents) {
    ObjectNode row = JSON.createObjectNode();
    row.put("window_start", Instant.ofEpochMilli(start).toString());
    row.put("window_end", Instant.ofEpochMilli(start + WINDOW_MS).toString());
    row.put("product_id", product).put("product_name", PRODUCT_NAMES.get(product)).put("order_count", count);
    row.put("total_revenue", cents / 100.0).put("avg_order_value", Math.round((double) cents / count) / 100.0);
    return write(row);
  }

  private static byte[] write(JsonNode node) {
    try {
      return JSON.writeValueAsBytes(node);
    } catch (IOException impossible) {
      throw new IllegalStateException(impossible);
    }
  }
}
