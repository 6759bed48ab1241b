package interop;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.rocketmq.client.QueryResult;
import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.MessageExt;

/** What an ordinary client can administer: create a topic, look messages up by id or key. */
final class Admin {
  private final Args args;

  Admin(Args args) {
    this.args = args;
  }

  private DefaultMQProducer started() throws Exception {
    DefaultMQProducer producer = new DefaultMQProducer(args.text("group"));
    producer.setNamesrvAddr(args.text("namesrv"));
    producer.start();
    return producer;
  }

  int create_topic() throws Exception {
    DefaultMQProducer producer = started();
    Client.create_topic(producer, args.text("topic"), args.number("queues", 4));
    int queues = producer.fetchPublishMessageQueues(args.text("topic")).size();
    Out.event("done", "queues", queues);
    producer.shutdown();
    return queues == args.number("queues", 4) ? 0 : 1;
  }

  /**
   * Looks messages up, by --id (offset message id or unique key), by --key or by --unique-key, the last two with
   * --begin, --end and --max. Prints what is found, oldest first; `error` says why nothing was.
   */
  int query() throws Exception {
    DefaultMQProducer producer = started();
    List<MessageExt> found = new ArrayList<>();
    String error = null;
    try {
      found.addAll(look_up(producer));
    } catch (MQClientException | MQBrokerException failure) {
      error = String.valueOf(failure.getMessage());
    }
    found.sort(Comparator.comparingLong(MessageExt::getCommitLogOffset));
    List<Object> rows = new ArrayList<>();
    List<String> ids = new ArrayList<>();
    for (MessageExt message : found) {
      ids.add(message.getMsgId());
      rows.add(row(message));
    }
    Out.event("done", "ids", ids, "found", rows, "error", error);
    producer.shutdown();
    return found.isEmpty() ? 1 : 0;
  }

  private List<MessageExt> look_up(DefaultMQProducer producer) throws Exception {
    String topic = args.text("topic");
    if (args.has("id")) {
      MessageExt message = producer.viewMessage(topic, args.text("id"));
      return message == null ? Collections.emptyList() : Collections.singletonList(message);
    }
    int max = args.number("max", 32);
    long begin_ms = args.big("begin", 0);
    long end_ms = args.big("end", Long.MAX_VALUE);
    QueryResult result = args.has("unique-key")
        ? producer.getDefaultMQProducerImpl().getMqClientFactory().getMQAdminImpl()
            .queryMessageByUniqKey(topic, args.text("unique-key"), max, begin_ms, end_ms)
        : producer.queryMessage(topic, args.text("key"), max, begin_ms, end_ms);
    return result == null ? Collections.emptyList() : result.getMessageList();
  }

  private static Map<String, Object> row(MessageExt message) {
    Map<String, Object> row = new TreeMap<>();
    row.put("id", message.getMsgId());
    row.put("queue", message.getQueueId());
    row.put("offset", message.getQueueOffset());
    row.put("log_offset", message.getCommitLogOffset());
    row.put("keys", message.getKeys());
    row.put("stored", message.getStoreTimestamp());
    row.put("store_host", String.valueOf(message.getStoreHost()).replaceFirst("^.*/", ""));
    row.put("body", new String(message.getBody(), StandardCharsets.UTF_8));
    return row;
  }
}
