package interop;

import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.remoting.protocol.heartbeat.MessageModel;

/** The calls that differ between client generations: this is generation 5. */
final class Client {
  private Client() {}

  static void broadcast(DefaultMQPushConsumer consumer) {
    consumer.setMessageModel(MessageModel.BROADCASTING);
  }

  static void create_topic(DefaultMQProducer producer, String topic, int queues) throws MQClientException {
    producer.createTopic("TBW102", topic, queues, new java.util.HashMap<>());
  }
}
