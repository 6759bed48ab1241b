package interop;

import java.io.FileOutputStream;
import java.io.FileDescriptor;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/** One JSON object per line on standard output: all that the driver reads. */
final class Out {
  private static final PrintStream OUT =
      new PrintStream(new FileOutputStream(FileDescriptor.out), true, StandardCharsets.UTF_8);

  private Out() {}

  /** Prints `{"event": event, ...}` from alternating names and values. */
  static synchronized void event(String event, Object... pairs) {
    StringBuilder line = new StringBuilder("{\"event\":");
    json(line, event);
    for (int i = 0; i < pairs.length; i += 2) {
      line.append(',');
      json(line, pairs[i]);
      line.append(':');
      json(line, pairs[i + 1]);
    }
    OUT.println(line.append('}'));
  }

  private static void json(StringBuilder out, Object value) {
    if (value == null || value instanceof Number || value instanceof Boolean) {
      out.append(value);
    } else if (value instanceof Map) {
      String separator = "{";
      for (Map.Entry<?, ?> entry : ((Map<?, ?>) value).entrySet()) {
        out.append(separator);
        json(out, String.valueOf(entry.getKey()));
        out.append(':');
        json(out, entry.getValue());
        separator = ",";
      }
      out.append(separator.equals("{") ? "{}" : "}");
    } else if (value instanceof Iterable) {
      String separator = "[";
      for (Object item : (Iterable<?>) value) {
        out.append(separator);
        json(out, item);
        separator = ",";
      }
      out.append(separator.equals("[") ? "[]" : "]");
    } else {
      out.append('"');
      for (char c : value.toString().toCharArray()) {
        if (c == '"' || c == '\\') {
          out.append('\\').append(c);
        } else if (c < 0x20) {
          out.append(String.format("\\u%04x", (int) c));
        } else {
          out.append(c);
        }
      }
      out.append('"');
    }
  }
}
