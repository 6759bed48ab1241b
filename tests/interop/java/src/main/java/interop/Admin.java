package interop;

import java.util.ArrayList;
import java.util.List;
import org.apache.rocketmq.client.QueryResult;
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

  int query() throws Exception {
    DefaultMQProducer producer = started();
    List<String> ids = new ArrayList<>();
    if (args.has("id")) {
      ids.add(producer.viewMessage(args.text("topic"), args.text("id")).getMsgId());
    } else {
      QueryResult result = producer.queryMessage(args.text("topic"), args.text("key"), 32, 0, Long.MAX_VALUE);
      for (MessageExt message : result.getMessageList()) {
        ids.add(message.getMsgId());
      }
    }
    Out.event("done", "ids", ids);
    producer.shutdown();
    return ids.isEmpty() ? 1 : 0;
  }
}
