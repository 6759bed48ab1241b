package interop;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.LocalTransactionState;
import org.apache.rocketmq.client.producer.SendCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.client.producer.TransactionListener;
import org.apache.rocketmq.client.producer.TransactionMQProducer;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageAccessor;
import org.apache.rocketmq.common.message.MessageExt;

/**
 * Fills many topics from one process, with everything a producer can put into a record: --topics A,B,C get --count
 * messages each: of ten topics one gets them one at a time, four asynchronously, and five in batches of --batch. The first topic also gets --delayed
 * messages of the longest delay level, --timed ones that are due in two hours, and --half ones of undecided transactions.
 */
final class Fill {
  private static final int ASYNC_IN_FLIGHT = 256;
  private static final int LONGEST_LEVEL = 18;
  private static final String TIMED_PROPERTY = "TIMER_DELAY_SEC";

  private final Args args;
  private final Payload payload;
  private final AtomicInteger sent = new AtomicInteger();
  private final AtomicReference<String> first_error = new AtomicReference<>();
  private final Semaphore in_flight = new Semaphore(ASYNC_IN_FLIGHT);

  Fill(Args args) {
    this.args = args;
    payload = new Payload(args);
  }

  int run() throws Exception {
    String[] topics = args.text("topics").split(",");
    DefaultMQProducer producer = new DefaultMQProducer(args.text("group"));
    producer.setNamesrvAddr(args.text("namesrv"));
    producer.setSendMsgTimeout(30_000);
    producer.start();
    long start_ms = System.currentTimeMillis();
    for (int number = 0; number < topics.length; ++number) {
      fill(producer, topics[number], number % 10);
    }
    if (!in_flight.tryAcquire(ASYNC_IN_FLIGHT, 60, TimeUnit.SECONDS)) {
      fail(new IllegalStateException("callbacks never came"));
    }
    for (int i = 0; i < args.number("delayed", 0); ++i) {
      Message message = payload.message(topics[0], i);
      message.setDelayTimeLevel(LONGEST_LEVEL);
      record(producer.send(message), 1);
    }
    for (int i = 0; i < args.number("timed", 0); ++i) {
      Message message = payload.message(topics[0], i);
      MessageAccessor.putProperty(message, TIMED_PROPERTY, "7200");
      record(producer.send(message), 1);
    }
    producer.shutdown();
    if (args.number("half", 0) > 0) {
      send_halves(topics[0]);
    }
    Out.event("done", "sent", sent.get(), "first_error", first_error.get(), "ms",
        System.currentTimeMillis() - start_ms);
    return first_error.get() == null ? 0 : 1;
  }

  private void fill(DefaultMQProducer producer, String topic, int way) throws Exception {
    int first = args.number("first", 0);
    int end = first + args.number("count", 1);
    int batch = args.number("batch", 50);
    for (int i = first; i < end && first_error.get() == null; ++i) {
      if (way == 0) {
        record(producer.send(payload.message(topic, i)), 1);
      } else if (way <= 4) {
        send_async(producer, payload.message(topic, i));
      } else {
        List<Message> messages = new ArrayList<>();
        for (int k = i; k < Math.min(i + batch, end); ++k) {
          messages.add(payload.message(topic, k));
        }
        record(producer.send(messages), messages.size());
        i += messages.size() - 1;
      }
    }
  }

  private void send_async(DefaultMQProducer producer, Message message) throws Exception {
    in_flight.acquire();
    producer.send(message, new SendCallback() {
      @Override
      public void onSuccess(SendResult result) {
        record(result, 1);
        in_flight.release();
      }

      @Override
      public void onException(Throwable error) {
        fail(error);
        in_flight.release();
      }
    });
  }

  private void send_halves(String topic) throws Exception {
    TransactionMQProducer producer = new TransactionMQProducer(args.text("group") + "-half");
    producer.setNamesrvAddr(args.text("namesrv"));
    producer.setTransactionListener(new TransactionListener() {
      @Override
      public LocalTransactionState executeLocalTransaction(Message message, Object argument) {
        return LocalTransactionState.UNKNOW;
      }

      @Override
      public LocalTransactionState checkLocalTransaction(MessageExt message) {
        return LocalTransactionState.UNKNOW;
      }
    });
    producer.start();
    for (int i = 0; i < args.number("half", 0); ++i) {
      record(producer.sendMessageInTransaction(payload.message(topic, i), null), 1);
    }
    producer.shutdown();
  }

  private void record(SendResult result, int count) {
    if (result.getSendStatus() == SendStatus.SEND_OK) {
      sent.addAndGet(count);
    } else {
      fail(new IllegalStateException(result.getSendStatus().name()));
    }
  }

  private void fail(Throwable error) {
    first_error.compareAndSet(null, String.valueOf(error));
  }
}
