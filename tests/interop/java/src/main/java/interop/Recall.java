package interop;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.Message;

/**
 * Sends --count messages that are due in --delay-ms and recalls the odd ones; then tries to recall with handles that
 * nobody was given. Ends with how many were recalled and with the codes of the refusals.
 */
final class Recall {
  private final Args args;

  Recall(Args args) {
    this.args = args;
  }

  int run() throws Exception {
    DefaultMQProducer producer = new DefaultMQProducer(args.text("group"));
    producer.setNamesrvAddr(args.text("namesrv"));
    producer.start();
    Payload payload = new Payload(args);
    String topic = args.text("topic");
    int recalled = 0;
    int same_ids = 0;
    String handle = null;
    for (int i = 0; i < args.number("count", 10); ++i) {
      Message message = payload.message(topic, i);
      Client.deliver_after(message, args.number("delay-ms", 3000));
      SendResult result = producer.send(message);
      handle = Client.recall_handle(result);
      if (i % 2 == 1) {
        same_ids += result.getMsgId().equals(Client.recall(producer, topic, handle)) ? 1 : 0;
        ++recalled;
      }
    }
    List<String> refusals = new ArrayList<>();
    String decoded = new String(Base64.getUrlDecoder().decode(handle), StandardCharsets.UTF_8);
    for (String forged : new String[] {"no handle", encode(decoded.replace("broker-a", "broker-b")),
                                       encode(decoded.replace(topic, "another")), encode("v9 a b c d")}) {
      refusals.add(refusal(producer, topic, forged));
    }
    Out.event("done", "recalled", recalled, "same_ids", same_ids, "refusals", String.join(",", refusals));
    producer.shutdown();
    return 0;
  }

  private static String encode(String text) {
    return Base64.getUrlEncoder().encodeToString(text.getBytes(StandardCharsets.UTF_8));
  }

  private static String refusal(DefaultMQProducer producer, String topic, String handle) {
    try {
      return Client.recall(producer, topic, handle);
    } catch (MQBrokerException error) {
      return String.valueOf(error.getResponseCode());
    } catch (Exception error) {
      return "client";
    }
  }
}
