package interop;

import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import org.apache.rocketmq.common.message.MessageExt;

/** Counts what a consumer received and compares each message with what was sent. Any thread. */
final class Tally {
  private final Payload payload;
  private final boolean print;
  private final BitSet seen = new BitSet();
  private final Map<String, Integer> last_index = new HashMap<>();
  private final Map<String, Integer> per_tag = new TreeMap<>();
  private final Map<String, Integer> per_queue = new TreeMap<>();
  private int total;
  private int corrupt;
  private int bad_properties;
  private int out_of_order;
  private int retried;

  Tally(Args args) {
    payload = new Payload(args);
    print = args.has("print");
  }

  synchronized void add(MessageExt message) {
    int i = payload.index_of(message.getBody());
    ++total;
    if (message.getReconsumeTimes() > 0) {
      ++retried;
    }
    if (i < 0) {
      ++corrupt;
    } else {
      seen.set(i);
      if (!payload.properties_match(message, i)) {
        ++bad_properties;
      }
      String queue = message.getBrokerName() + ":" + message.getQueueId();
      Integer previous = last_index.put(queue, i);
      if (previous != null && previous >= i) {
        ++out_of_order;
      }
      per_queue.merge(String.valueOf(message.getQueueId()), 1, Integer::sum);
      per_tag.merge(String.valueOf(message.getTags()), 1, Integer::sum);
    }
    if (print) {
      Out.event("message", "i", i, "topic", message.getTopic(), "queue", message.getQueueId(), "offset",
          message.getQueueOffset(), "tag", message.getTags(), "keys", message.getKeys(), "reconsume",
          message.getReconsumeTimes(), "msg_id", message.getMsgId(), "size", message.getBody().length, "born",
          message.getBornTimestamp(), "stored", message.getStoreTimestamp(), "at", System.currentTimeMillis());
    }
    notifyAll();
  }

  synchronized int total() {
    return total;
  }

  /** Waits until `count` different messages came (count 0: never) or the deadline passed. */
  synchronized boolean wait_for(int count, long deadline_ms) throws InterruptedException {
    while (count == 0 || seen.cardinality() < count) {
      long left_ms = deadline_ms - System.currentTimeMillis();
      if (left_ms <= 0) {
        return false;
      }
      wait(left_ms);
    }
    return true;
  }

  synchronized void report(long elapsed_ms) {
    Out.event("done", "distinct", seen.cardinality(), "total", total, "duplicates",
        total - corrupt - seen.cardinality(), "corrupt", corrupt, "bad_properties", bad_properties, "out_of_order",
        out_of_order, "retried", retried, "tags", per_tag, "queues", per_queue, "ms", elapsed_ms);
  }
}
