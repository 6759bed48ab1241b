package interop;

import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.BoundaryType;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.remoting.protocol.heartbeat.MessageModel;

/** The calls that differ between client generations: this is generation 5. */
final class Client {
  private Client() {}

  static void broadcast(DefaultMQPushConsumer consumer) {
    consumer.setMessageModel(MessageModel.BROADCASTING);
  }

  static long search_upper(DefaultMQPullConsumer consumer, MessageQueue queue, long time_ms) throws MQClientException {
    return consumer.getDefaultMQPullConsumerImpl().getRebalanceImpl().getmQClientFactory().getMQAdminImpl()
        .searchOffset(queue, time_ms, BoundaryType.UPPER);
  }

  static void create_topic(DefaultMQProducer producer, String topic, int queues) throws MQClientException {
    producer.createTopic("TBW102", topic, queues, new java.util.HashMap<>());
  }

  static void deliver_after(Message message, long delay_ms) {
    message.setDelayTimeMs(delay_ms);
  }

  static void deliver_at(Message message, long time_ms) {
    message.setDeliverTimeMs(time_ms);
  }

  /** Null when the broker gave none. */
  static String recall_handle(SendResult result) {
    return result.getRecallHandle();
  }

  static String recall(DefaultMQProducer producer, String topic, String handle) throws Exception {
    return producer.recallMessage(topic, handle);
  }
}
