import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.apache.rocketmq.tools.command.MQAdminStartup;

/**
 * Runs the real mqadmin again and again in one process: one command a line on standard input, its words separated by
 * tabs; for each one line of JSON with what it printed. Started as a source file, with the server's jars as class path.
 */
public final class MqAdmin {
  private MqAdmin() {}

  public static void main(String[] ignored) throws Exception {
    PrintStream out = System.out;
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    out.println("{\"event\":\"ready\"}");
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      ByteArrayOutputStream printed = new ByteArrayOutputStream();
      PrintStream capture = new PrintStream(printed, true, StandardCharsets.UTF_8);
      System.setOut(capture);
      System.setErr(capture);
      try {
        MQAdminStartup.main(line.split("\t"));
      } catch (Throwable error) {
        error.printStackTrace(capture);
      }
      out.println("{\"event\":\"answer\",\"text\":" + quoted(printed.toString(StandardCharsets.UTF_8)) + "}");
      out.flush();
    }
    System.exit(0);
  }

  private static String quoted(String text) {
    StringBuilder made = new StringBuilder("\"");
    for (int i = 0; i < text.length(); ++i) {
      char c = text.charAt(i);
      if (c == '"' || c == '\\') {
        made.append('\\').append(c);
      } else if (c < ' ' || c > '~') {
        made.append(String.format("\\u%04x", (int) c));
      } else {
        made.append(c);
      }
    }
    return made.append('"').toString();
  }
}
