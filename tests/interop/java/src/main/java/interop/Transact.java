package interop;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.rocketmq.client.producer.LocalTransactionState;
import org.apache.rocketmq.client.producer.TransactionListener;
import org.apache.rocketmq.client.producer.TransactionMQProducer;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;

/**
 * Sends --count transactional messages: of every three the first is committed, the second rolled back, and the third
 * left undecided until the broker asks.
 */
final class Transact implements TransactionListener {
  private final Args args;
  private final Map<String, Integer> checks = new ConcurrentHashMap<>();

  Transact(Args args) {
    this.args = args;
  }

  int run() throws Exception {
    TransactionMQProducer producer = new TransactionMQProducer(args.text("group"));
    producer.setNamesrvAddr(args.text("namesrv"));
    producer.setTransactionListener(this);
    producer.start();
    Payload payload = new Payload(args);
    int count = args.number("count", 3);
    for (int i = 0; i < count; ++i) {
      producer.sendMessageInTransaction(payload.message(args.text("topic"), i), i);
    }
    long deadline_ms = System.currentTimeMillis() + 1000L * args.number("timeout", 60);
    while (checks.size() < count / 3 && System.currentTimeMillis() < deadline_ms) {
      Thread.sleep(100);
    }
    Out.event("done", "sent", count, "checked", checks.size());
    producer.shutdown();
    return checks.size() >= count / 3 ? 0 : 1;
  }

  @Override
  public LocalTransactionState executeLocalTransaction(Message message, Object argument) {
    switch ((Integer) argument % 3) {
      case 0:
        return LocalTransactionState.COMMIT_MESSAGE;
      case 1:
        return LocalTransactionState.ROLLBACK_MESSAGE;
      default:
        return LocalTransactionState.UNKNOW;
    }
  }

  @Override
  public LocalTransactionState checkLocalTransaction(MessageExt message) {
    checks.merge(message.getTransactionId(), 1, Integer::sum);
    return LocalTransactionState.COMMIT_MESSAGE;
  }
}
