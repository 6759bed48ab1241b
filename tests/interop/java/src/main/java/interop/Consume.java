package interop;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.MessageSelector;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.common.UtilAll;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.MessageExt;

/** A push consumer that runs until --count different messages came, "stop" is typed, or --timeout passed. */
final class Consume {
  private final Args args;
  private final Tally tally;
  private final Set<String> failed_once = ConcurrentHashMap.newKeySet();
  private final AtomicBoolean stopped = new AtomicBoolean();

  Consume(Args args) {
    this.args = args;
    tally = new Tally(args);
  }

  int run() throws Exception {
    DefaultMQPushConsumer consumer = new DefaultMQPushConsumer(args.text("group"));
    consumer.setNamesrvAddr(args.text("namesrv"));
    if (args.has("sql")) {
      consumer.subscribe(args.text("topic"), MessageSelector.bySql(args.text("sql")));
    } else {
      consumer.subscribe(args.text("topic"), args.text("expr", "*"));
    }
    start_where_told(consumer);
    if (args.has("broadcast")) {
      Client.broadcast(consumer);
    }
    int batch_max = args.number("batch-max", 1);
    consumer.setConsumeMessageBatchMaxSize(batch_max);
    if (args.has("orderly")) {
      consumer.registerMessageListener((MessageListenerOrderly) (messages, context) -> {
        return messages.stream().allMatch(this::accept) ? ConsumeOrderlyStatus.SUCCESS
                                                        : ConsumeOrderlyStatus.SUSPEND_CURRENT_QUEUE_A_MOMENT;
      });
    } else {
      consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
        return messages.stream().allMatch(this::accept) ? ConsumeConcurrentlyStatus.CONSUME_SUCCESS
                                                        : ConsumeConcurrentlyStatus.RECONSUME_LATER;
      });
    }
    long start_ms = System.currentTimeMillis();
    consumer.start();
    Out.event("ready");
    stop_on_command();
    int count = args.number("count", 0);
    boolean complete = wait_for(count, start_ms + 1000L * args.number("timeout", 60));
    long elapsed_ms = System.currentTimeMillis() - start_ms;
    if (complete && !stopped.get()) {
      // Messages that come after the last expected one are duplicates or strangers; give them a moment to show up.
      wait_for(0, System.currentTimeMillis() + args.number("linger", 1000));
    }
    consumer.shutdown();
    tally.report(elapsed_ms);
    return complete || count == 0 ? 0 : 1;
  }

  private void start_where_told(DefaultMQPushConsumer consumer) {
    switch (args.text("from", "first")) {
      case "first":
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        break;
      case "last":
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_LAST_OFFSET);
        break;
      case "timestamp":
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_TIMESTAMP);
        consumer.setConsumeTimestamp(UtilAll.timeMillisToHumanString3(args.big("time", 0)));
        break;
      default:
        throw new IllegalArgumentException("unknown --from " + args.text("from"));
    }
  }

  /** With --fail-first, refuses the first --fail-first messages once each, so that they are delivered again. */
  private boolean accept(MessageExt message) {
    int fail_first = args.number("fail-first", 0);
    String key = new String(message.getBody(), 0, Math.min(64, message.getBody().length));
    if (failed_once.size() < fail_first && message.getReconsumeTimes() == 0 && failed_once.add(key)) {
      Out.event("refused", "body", key, "at", System.currentTimeMillis());
      return false;
    }
    tally.add(message);
    return true;
  }

  private boolean wait_for(int count, long deadline_ms) throws InterruptedException {
    while (!stopped.get()) {
      long slice_ms = Math.min(deadline_ms, System.currentTimeMillis() + 100);
      if (tally.wait_for(count, slice_ms)) {
        return true;
      }
      if (System.currentTimeMillis() >= deadline_ms) {
        return false;
      }
    }
    return true;
  }

  private void stop_on_command() {
    Thread reader = new Thread(() -> {
      try (BufferedReader in = new BufferedReader(new InputStreamReader(System.in))) {
        for (String line = in.readLine(); line != null; line = in.readLine()) {
          if (line.trim().equals("stop")) {
            stopped.set(true);
            return;
          }
        }
      } catch (java.io.IOException error) {
        Out.event("note", "text", "standard input: " + error);
      }
    });
    reader.setDaemon(true);
    reader.start();
  }
}
