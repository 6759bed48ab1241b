package interop;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.TreeSet;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.MessageSelector;
import org.apache.rocketmq.client.consumer.PullResult;
import org.apache.rocketmq.client.consumer.PullStatus;
import org.apache.rocketmq.client.impl.factory.MQClientInstance;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/** Reads the whole topic once for every SQL92 expression on standard input, and says which messages each one chose. */
final class Select {
  private final Args args;
  private final Payload payload;

  Select(Args args) {
    this.args = args;
    payload = new Payload(args);
  }

  int run() throws Exception {
    DefaultMQPullConsumer consumer = new DefaultMQPullConsumer(args.text("group"));
    consumer.setNamesrvAddr(args.text("namesrv"));
    consumer.start();
    // Clients learn from the answer to a heartbeat whether a broker knows SQL92, and send the first one before they know
    // any broker.
    MQClientInstance client = consumer.getDefaultMQPullConsumerImpl().getRebalanceImpl().getmQClientFactory();
    client.updateTopicRouteInfoFromNameServer(args.text("topic"));
    client.sendHeartbeatToAllBrokerWithLock();
    Out.event("ready");
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String sql = in.readLine(); sql != null && !sql.equals("stop"); sql = in.readLine()) {
      try {
        Out.event("selected", "sql", sql, "found", select(consumer, sql), "error", null);
      } catch (Exception error) {
        Out.event("selected", "sql", sql, "found", null, "error", error.toString());
      }
    }
    Out.event("done");
    consumer.shutdown();
    return 0;
  }

  private TreeSet<Integer> select(DefaultMQPullConsumer consumer, String sql) throws Exception {
    TreeSet<Integer> found = new TreeSet<>();
    MessageSelector selector = MessageSelector.bySql(sql);
    for (MessageQueue queue : consumer.fetchSubscribeMessageQueues(args.text("topic"))) {
      long end = consumer.maxOffset(queue);
      for (long offset = consumer.minOffset(queue); offset < end;) {
        PullResult result = consumer.pull(queue, selector, offset, 32);
        if (result.getPullStatus() == PullStatus.FOUND) {
          for (MessageExt message : result.getMsgFoundList()) {
            found.add(payload.index_of(message.getBody()));
          }
        }
        offset = result.getNextBeginOffset();
      }
    }
    return found;
  }
}
