package interop;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.apache.rocketmq.common.message.Message;

/**
 * What message number i must look like, in every language alike: body `PREFIX-i|` filled up to `size` bytes, tag
 * number i of the list, and with --props two keys and four user properties.
 */
final class Payload {
  static final String UNICODE_PROPERTY = "\u503c \u00e9 \ud83d\ude00";
  static final String SYMBOL_PROPERTY = "a=b;c,d{}[]\"'\\/%";
  private static final byte[] UNICODE_UNIT = "\u4f60\u597d\u00e9\ud83d\ude00".getBytes(StandardCharsets.UTF_8);

  final String prefix;
  final int size;
  final String kind;
  final String[] tags;
  final boolean props;

  Payload(Args args) {
    prefix = args.text("prefix", "m");
    size = args.number("size", 0);
    kind = args.text("body", "text");
    tags = args.has("tags") ? args.text("tags").split(",") : new String[0];
    props = args.has("props");
  }

  byte[] body(int i) {
    ByteArrayOutputStream out = new ByteArrayOutputStream(Math.max(size, 32));
    byte[] head = (prefix + "-" + i + "|").getBytes(StandardCharsets.UTF_8);
    out.write(head, 0, head.length);
    int fill = size - head.length;
    int state = i + 1;
    for (int k = 0; k < fill; ++k) {
      switch (kind) {
        case "text":
          out.write('a' + (i + k) % 26);
          break;
        case "binary":
          out.write((i * 31 + k * 7) & 0xff);
          break;
        case "random":
          state = (state * 1103515245 + 12345) & 0x7fffffff;
          out.write((state >> 16) & 0xff);
          break;
        case "unicode":
          if (k + UNICODE_UNIT.length > fill) {
            return out.toByteArray();
          }
          out.write(UNICODE_UNIT, 0, UNICODE_UNIT.length);
          k += UNICODE_UNIT.length - 1;
          break;
        default:
          throw new IllegalArgumentException("unknown --body " + kind);
      }
    }
    return out.toByteArray();
  }

  Message message(String topic, int i) {
    Message message = new Message(topic, body(i));
    if (tags.length > 0) {
      message.setTags(tags[i % tags.length]);
    }
    if (props) {
      message.setKeys("key-" + i + " all");
      message.putUserProperty("seq", String.valueOf(i));
      message.putUserProperty("uni", UNICODE_PROPERTY);
      message.putUserProperty("sym", SYMBOL_PROPERTY);
    }
    return message;
  }

  /** The i of a body made by body(), or -1 when it is not exactly that body. */
  int index_of(byte[] body) {
    int bar = 0;
    while (bar < body.length && bar < 200 && body[bar] != '|') {
      ++bar;
    }
    String head = new String(body, 0, bar, StandardCharsets.UTF_8);
    if (bar == body.length || !head.startsWith(prefix + "-")) {
      return -1;
    }
    try {
      int i = Integer.parseInt(head.substring(prefix.length() + 1));
      return Arrays.equals(body, body(i)) ? i : -1;
    } catch (NumberFormatException e) {
      return -1;
    }
  }

  /** Whether tag, keys and user properties are those of message(i). */
  boolean properties_match(Message message, int i) {
    if (tags.length > 0 && !tags[i % tags.length].equals(message.getTags())) {
      return false;
    }
    return !props
        || (("key-" + i + " all").equals(message.getKeys())
            && String.valueOf(i).equals(message.getUserProperty("seq"))
            && UNICODE_PROPERTY.equals(message.getUserProperty("uni"))
            && SYMBOL_PROPERTY.equals(message.getUserProperty("sym")));
  }
}
