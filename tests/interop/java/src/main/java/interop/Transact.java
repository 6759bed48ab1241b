package interop;

import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.rocketmq.client.producer.LocalTransactionState;
import org.apache.rocketmq.client.producer.TransactionListener;
import org.apache.rocketmq.client.producer.TransactionMQProducer;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;

/**
 * Sends --count transactional messages: of every three the first is committed, the second rolled back, and the third
 * left undecided until the broker asks; with --undecided all of them. Ends when the broker has asked about --checks
 * transactions (a third of those sent, if not given). It is answered "commit", with --odd-rolls-back only for even
 * messages, and with --silent that nothing is known.
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
    int expected = args.number("checks", count / 3);
    for (int i = 0; i < count; ++i) {
      producer.sendMessageInTransaction(payload.message(args.text("topic"), i), i);
    }
    Out.event("sent", "count", count);
    long deadline_ms = System.currentTimeMillis() + 1000L * args.number("timeout", 60);
    while (checks.size() < expected && System.currentTimeMillis() < deadline_ms) {
      Thread.sleep(100);
    }
    Out.event("done", "sent", count, "checked", checks.size());
    producer.shutdown();
    return checks.size() >= expected ? 0 : 1;
  }

  @Override
  public LocalTransactionState executeLocalTransaction(Message message, Object argument) {
    if (args.has("undecided")) {
      return LocalTransactionState.UNKNOW;
    }
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
    if (args.has("silent")) {
      return LocalTransactionState.UNKNOW;
    }
    checks.merge(message.getTransactionId(), 1, Integer::sum);
    String body = new String(message.getBody(), StandardCharsets.UTF_8);
    int number = Integer.parseInt(body.substring(body.indexOf('-') + 1, body.indexOf('|')));
    boolean rollsBack = args.has("odd-rolls-back") && number % 2 == 1;
    return rollsBack ? LocalTransactionState.ROLLBACK_MESSAGE : LocalTransactionState.COMMIT_MESSAGE;
  }
}
