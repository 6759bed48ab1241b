package interop;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.RequestCallback;
import org.apache.rocketmq.client.utils.MessageUtil;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;

/** Request and reply between a producer and a consumer of this process. */
final class Ask {
  private final Args args;

  Ask(Args args) {
    this.args = args;
  }

  int run() throws Exception {
    DefaultMQProducer replier = new DefaultMQProducer(args.text("group") + "-replier");
    replier.setNamesrvAddr(args.text("namesrv"));
    replier.start();
    DefaultMQPushConsumer consumer = new DefaultMQPushConsumer(args.text("group"));
    consumer.setNamesrvAddr(args.text("namesrv"));
    consumer.subscribe(args.text("topic"), "*");
    consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
      try {
        for (MessageExt message : messages) {
          replier.send(MessageUtil.createReplyMessage(message, ("re:" + new String(message.getBody())).getBytes()));
        }
      } catch (Exception error) {
        Out.event("note", "text", "reply: " + error);
      }
      return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
    });
    consumer.start();
    DefaultMQProducer producer = new DefaultMQProducer(args.text("group") + "-asker");
    producer.setNamesrvAddr(args.text("namesrv"));
    producer.start();
    Thread.sleep(2000);

    int count = args.number("count", 1);
    CountDownLatch done = new CountDownLatch(count);
    AtomicInteger answered = new AtomicInteger();
    for (int i = 0; i < count; ++i) {
      Message request = new Message(args.text("topic"), ("ask-" + i).getBytes());
      String expected = "re:ask-" + i;
      producer.request(request, (queues, m, argument) -> queues.get(0), 0, new RequestCallback() {
        @Override
        public void onSuccess(Message reply) {
          if (new String(reply.getBody()).equals(expected)) {
            answered.incrementAndGet();
          }
          done.countDown();
        }

        @Override
        public void onException(Throwable error) {
          Out.event("note", "text", "request: " + error);
          done.countDown();
        }
      }, 10000);
    }
    done.await(30, TimeUnit.SECONDS);
    Out.event("done", "answered", answered.get());
    producer.shutdown();
    consumer.shutdown();
    replier.shutdown();
    return answered.get() == count ? 0 : 1;
  }
}
