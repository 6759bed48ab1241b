package interop;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.TreeMap;
import org.apache.rocketmq.client.consumer.DefaultLitePullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.PullResult;
import org.apache.rocketmq.client.consumer.PullStatus;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/** The consumers that ask by themselves: DefaultMQPullConsumer and DefaultLitePullConsumer. */
final class Pull {
  private final Args args;
  private final Tally tally;

  Pull(Args args) {
    this.args = args;
    tally = new Tally(args);
  }

  /** Reads every queue of the topic from its minimum to its maximum offset, then commits and reads back the offsets. */
  int pull() throws Exception {
    DefaultMQPullConsumer consumer = new DefaultMQPullConsumer(args.text("group"));
    consumer.setNamesrvAddr(args.text("namesrv"));
    consumer.start();
    long start_ms = System.currentTimeMillis();
    int commit_errors = 0;
    for (MessageQueue queue : consumer.fetchSubscribeMessageQueues(args.text("topic"))) {
      long offset = consumer.minOffset(queue);
      long end = consumer.maxOffset(queue);
      while (offset < end) {
        PullResult result = consumer.pull(queue, args.text("expr", "*"), offset, args.number("batch-max", 32));
        if (result.getPullStatus() == PullStatus.FOUND) {
          result.getMsgFoundList().forEach(tally::add);
        } else if (result.getPullStatus() == PullStatus.OFFSET_ILLEGAL) {
          throw new IllegalStateException("offset " + offset + " of " + queue + " is illegal: " + result);
        }
        offset = result.getNextBeginOffset();
      }
      consumer.updateConsumeOffset(queue, end);
      consumer.getDefaultMQPullConsumerImpl().getOffsetStore().updateConsumeOffsetToBroker(queue, end, false);
      long committed = consumer.fetchConsumeOffset(queue, true);
      if (end > 0 && committed != end) {
        ++commit_errors;
        Out.event("note", "text", "committed " + end + " of " + queue + ", read back " + committed);
      }
    }
    tally.report(System.currentTimeMillis() - start_ms);
    consumer.shutdown();
    return commit_errors == 0 ? 0 : 1;
  }

  /** Asks one empty queue with a blocking pull and reports how long the broker held it. */
  int hold() throws Exception {
    DefaultMQPullConsumer consumer = new DefaultMQPullConsumer(args.text("group"));
    consumer.setNamesrvAddr(args.text("namesrv"));
    consumer.start();
    MessageQueue queue = consumer.fetchSubscribeMessageQueues(args.text("topic")).iterator().next();
    long offset = consumer.maxOffset(queue);
    long start_ms = System.currentTimeMillis();
    PullResult result = consumer.pullBlockIfNotFound(queue, "*", offset, 32);
    Out.event("done", "status", result.getPullStatus(), "ms", System.currentTimeMillis() - start_ms);
    consumer.shutdown();
    return 0;
  }

  /** Lite pull, with the group's own balancing (--mode subscribe) or queues chosen here (--mode assign). */
  int lite() throws Exception {
    DefaultLitePullConsumer consumer = new DefaultLitePullConsumer(args.text("group"));
    consumer.setNamesrvAddr(args.text("namesrv"));
    consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
    boolean assign = args.text("mode", "subscribe").equals("assign");
    if (!assign) {
      consumer.subscribe(args.text("topic"), args.text("expr", "*"));
    }
    consumer.start();
    if (assign) {
      Collection<MessageQueue> queues = consumer.fetchMessageQueues(args.text("topic"));
      List<MessageQueue> chosen = new ArrayList<>(queues);
      consumer.assign(chosen);
      for (MessageQueue queue : chosen) {
        consumer.seekToBegin(queue);
      }
    }
    Out.event("ready");
    long start_ms = System.currentTimeMillis();
    long deadline_ms = start_ms + 1000L * args.number("timeout", 60);
    int count = args.number("count", 1);
    boolean complete = false;
    while (!complete && System.currentTimeMillis() < deadline_ms) {
      for (MessageExt message : consumer.poll(500)) {
        tally.add(message);
      }
      complete = tally.wait_for(count, 0);
    }
    consumer.commitSync();
    tally.report(System.currentTimeMillis() - start_ms);
    consumer.shutdown();
    return complete ? 0 : 1;
  }

  /** For every one of --times, in their order, its offset; with --upper that of the upper boundary. */
  private List<Long> searched(DefaultMQPullConsumer consumer, MessageQueue queue) throws Exception {
    List<Long> offsets = new ArrayList<>();
    for (String time : args.text("times").split(",")) {
      long time_ms = Long.parseLong(time);
      offsets.add(args.has("upper") ? Client.search_upper(consumer, queue, time_ms)
          : consumer.searchOffset(queue, time_ms));
    }
    return offsets;
  }

  /** Prints minimum, maximum and (with --time and --times) searched offsets of every queue. */
  int offsets() throws Exception {
    DefaultMQPullConsumer consumer = new DefaultMQPullConsumer(args.text("group"));
    consumer.setNamesrvAddr(args.text("namesrv"));
    consumer.start();
    TreeMap<String, Object> table = new TreeMap<>();
    for (MessageQueue queue : consumer.fetchSubscribeMessageQueues(args.text("topic"))) {
      TreeMap<String, Object> row = new TreeMap<>();
      row.put("min", consumer.minOffset(queue));
      row.put("max", consumer.maxOffset(queue));
      row.put("committed", consumer.fetchConsumeOffset(queue, true));
      if (args.has("time")) {
        row.put("at_time", consumer.searchOffset(queue, args.big("time", 0)));
      }
      if (args.has("times")) {
        row.put("searched", searched(consumer, queue));
      }
      row.put("earliest_ms", consumer.earliestMsgStoreTime(queue));
      table.put(String.valueOf(queue.getQueueId()), row);
    }
    Out.event("done", "queues", table);
    consumer.shutdown();
    return 0;
  }
}
