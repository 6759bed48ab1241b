package interop;

import java.util.HashMap;
import java.util.Map;

/** The command line of a runner: a scenario, then `--name value` pairs and bare `--switches`. */
final class Args {
  final String scenario;
  private final Map<String, String> values = new HashMap<>();

  Args(String[] argv) {
    if (argv.length == 0) {
      throw new IllegalArgumentException("usage: <scenario> --namesrv host:port --topic T --group G --count N [...]");
    }
    scenario = argv[0];
    for (int i = 1; i < argv.length; ++i) {
      if (!argv[i].startsWith("--")) {
        throw new IllegalArgumentException("expected an option, found '" + argv[i] + "'");
      }
      boolean has_value = i + 1 < argv.length && !argv[i + 1].startsWith("--");
      values.put(argv[i].substring(2), has_value ? argv[++i] : "true");
    }
  }

  boolean has(String name) {
    return values.containsKey(name);
  }

  String text(String name, String otherwise) {
    return values.getOrDefault(name, otherwise);
  }

  String text(String name) {
    String value = values.get(name);
    if (value == null) {
      throw new IllegalArgumentException("option --" + name + " is required by scenario " + scenario);
    }
    return value;
  }

  int number(String name, int otherwise) {
    return values.containsKey(name) ? Integer.parseInt(values.get(name)) : otherwise;
  }

  long big(String name, long otherwise) {
    return values.containsKey(name) ? Long.parseLong(values.get(name)) : otherwise;
  }
}
