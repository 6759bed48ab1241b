package interop;

import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.common.protocol.heartbeat.MessageModel;

/** The calls that differ between client generations: this is generation 4. */
final class Client {
  private Client() {}

  static void broadcast(DefaultMQPushConsumer consumer) {
    consumer.setMessageModel(MessageModel.BROADCASTING);
  }

  static long search_upper(DefaultMQPullConsumer consumer, MessageQueue queue, long time_ms) {
    throw new UnsupportedOperationException("clients of generation 4 know the lower boundary only");
  }

  static void create_topic(DefaultMQProducer producer, String topic, int queues) throws MQClientException {
    producer.createTopic("TBW102", topic, queues);
  }

  static void deliver_after(Message message, long delay_ms) {
    throw new UnsupportedOperationException("timed messages came with 5.0");
  }

  static void deliver_at(Message message, long time_ms) {
    throw new UnsupportedOperationException("timed messages came with 5.0");
  }

  static String recall_handle(SendResult result) {
    return null;
  }

  static String recall(DefaultMQProducer producer, String topic, String handle) throws Exception {
    throw new UnsupportedOperationException("recall came with 5.3");
  }
}
