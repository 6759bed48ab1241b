package interop;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.MessageQueueSelector;
import org.apache.rocketmq.client.producer.SendCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.common.message.Message;

/** Sends --count messages and reports what became of them. */
final class Produce {
  private static final int ASYNC_IN_FLIGHT = 128;

  private final Args args;
  private final Map<String, Integer> per_queue = new TreeMap<>();
  private final Map<String, Integer> errors = new TreeMap<>();
  private final List<String> ids = new ArrayList<>();
  private String first_error;
  private int sent;

  Produce(Args args) {
    this.args = args;
  }

  int run() throws Exception {
    DefaultMQProducer producer = new DefaultMQProducer(args.text("group"));
    producer.setNamesrvAddr(args.text("namesrv"));
    if (args.has("max-size")) {
      producer.setMaxMessageSize(args.number("max-size", 0));
    }
    if (args.has("send-timeout")) {
      producer.setSendMsgTimeout(args.number("send-timeout", 3000));
    }
    producer.start();
    Out.event("ready");
    long start_ms = System.currentTimeMillis();
    try {
      send_all(producer);
    } finally {
      long elapsed_ms = System.currentTimeMillis() - start_ms;
      Out.event("done", "sent", sent, "errors", errors, "first_error", first_error, "queues", per_queue, "ids", ids,
          "ms", elapsed_ms);
      producer.shutdown();
    }
    return errors.isEmpty() ? 0 : 1;
  }

  private void send_all(DefaultMQProducer producer) throws Exception {
    Payload payload = new Payload(args);
    String topic = args.text("topic");
    String mode = args.text("mode", "sync");
    int count = args.number("count", 1);
    int first = args.number("first", 0);
    int batch = args.number("batch", 1);
    int interval_ms = args.number("interval", 0);
    Semaphore in_flight = new Semaphore(ASYNC_IN_FLIGHT);
    CountDownLatch async_done = new CountDownLatch(mode.equals("async") ? count : 0);

    for (int i = first; i < first + count; ++i) {
      try {
        if (batch > 1) {
          List<Message> messages = new ArrayList<>();
          for (int k = i; k < Math.min(i + batch, first + count); ++k) {
            messages.add(payload.message(topic, k));
          }
          record(producer.send(messages), messages.size());
          i += messages.size() - 1;
        } else if (mode.equals("oneway")) {
          producer.sendOneway(payload.message(topic, i));
          ++sent;
        } else if (mode.equals("async")) {
          in_flight.acquire();
          producer.send(payload.message(topic, i), new SendCallback() {
            @Override
            public void onSuccess(SendResult result) {
              record(result, 1);
              finish();
            }

            @Override
            public void onException(Throwable error) {
              fail(error);
              finish();
            }

            private void finish() {
              in_flight.release();
              async_done.countDown();
            }
          });
        } else {
          record(send_sync(producer, payload.message(topic, i), i), 1);
        }
      } catch (Exception error) {
        fail(error);
      }
      if (interval_ms > 0) {
        Thread.sleep(interval_ms);
      }
    }
    if (!async_done.await(60, TimeUnit.SECONDS)) {
      fail(new IllegalStateException(async_done.getCount() + " callbacks never came"));
    }
    if (mode.equals("oneway")) {
      // Nothing tells when one-way requests have left; shutting down at once would drop those still queued.
      TimeUnit.SECONDS.sleep(1);
    }
  }

  private SendResult send_sync(DefaultMQProducer producer, Message message, int i) throws Exception {
    MessageQueueSelector by_argument = (queues, m, argument) -> queues.get((Integer) argument % queues.size());
    if (args.has("delay-level")) {
      message.setDelayTimeLevel(args.number("delay-level", 0));
    }
    if (args.has("delay-ms")) {
      Client.deliver_after(message, args.number("delay-ms", 0));
    }
    if (args.has("deliver-at")) {
      Client.deliver_at(message, Long.parseLong(args.text("deliver-at")));
    }
    if (args.has("queue")) {
      return producer.send(message, by_argument, args.number("queue", 0));
    }
    if (args.has("shards")) {
      return producer.send(message, by_argument, i % args.number("shards", 1));
    }
    return producer.send(message);
  }

  private synchronized void record(SendResult result, int count) {
    if (result.getSendStatus() != SendStatus.SEND_OK) {
      errors.merge(result.getSendStatus().name(), count, Integer::sum);
      return;
    }
    sent += count;
    per_queue.merge(String.valueOf(result.getMessageQueue().getQueueId()), count, Integer::sum);
    if (ids.size() < 3) {
      ids.add(result.getMsgId());
      ids.add(result.getOffsetMsgId());
    }
  }

  private synchronized void fail(Throwable error) {
    String code = "client";
    for (Throwable cause = error; cause != null; cause = cause.getCause()) {
      if (cause instanceof MQBrokerException) {
        code = String.valueOf(((MQBrokerException) cause).getResponseCode());
        break;
      }
      if (cause instanceof MQClientException && ((MQClientException) cause).getResponseCode() > 0) {
        code = String.valueOf(((MQClientException) cause).getResponseCode());
      }
    }
    errors.merge(code, 1, Integer::sum);
    if (first_error == null) {
      first_error = String.valueOf(error);
    }
  }
}
