package interop.filter;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.apache.rocketmq.common.message.MessageDecoder;
import org.apache.rocketmq.filter.SqlFilter;
import org.apache.rocketmq.filter.expression.EvaluationContext;
import org.apache.rocketmq.filter.expression.Expression;
import org.apache.rocketmq.filter.expression.MQFilterException;

/**
 * Asks RocketMQ's evaluator. A line of standard input is "answer TAB expression TAB properties", with control
 * characters and backslashes written as \xHH; the answer is of another evaluator, or empty.
 *
 * "record" prints the lines with RocketMQ's answers. "check" prints the lines whose answers differ, each with
 * RocketMQ's answer in front, and at the end how many lines and differences there were.
 *
 * Answers: T(rue), F(alse), N(ull), X (an exception while evaluating), E (an error while compiling).
 */
public final class Evaluate {
    private static final SqlFilter FILTER = new SqlFilter();

    public static void main(String[] args) throws Exception {
        boolean record = args.length == 1 && args[0].equals("record");
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream out = new PrintStream(System.out, false, "UTF-8");
        long count = 0;
        long differences = 0;
        long[] answers = new long[128];
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] fields = line.split("\t", -1);
            char answer = answer(unescape(fields[1]), unescape(fields[2]));
            ++count;
            ++answers[answer];
            if (record) {
                out.println(answer + "\t" + fields[1] + "\t" + fields[2]);
            } else if (fields[0].length() != 1 || fields[0].charAt(0) != answer) {
                ++differences;
                if (differences <= 50) {
                    out.println(answer + "\t" + line);
                }
            }
        }
        if (!record) {
            out.println("pairs " + count + " differences " + differences + " true " + answers['T'] + " false "
                + answers['F'] + " null " + answers['N'] + " exception " + answers['X'] + " error " + answers['E']);
        }
        out.flush();
        System.exit(differences == 0 ? 0 : 1);
    }

    private static char answer(String sql, String properties) {
        Expression expression;
        try {
            expression = FILTER.compile(sql);
        } catch (MQFilterException e) {
            return 'E';
        }
        Map<String, String> map = MessageDecoder.string2messageProperties(properties);
        EvaluationContext context = new EvaluationContext() {
            @Override
            public Object get(String name) {
                return map.get(name);
            }

            @Override
            public Map<String, Object> keyValues() {
                return null;
            }
        };
        try {
            Object value = expression.evaluate(context);
            return value == null ? 'N' : !(value instanceof Boolean) ? '?' : (Boolean) value ? 'T' : 'F';
        } catch (Throwable e) {
            return 'X';
        }
    }

    private static String unescape(String text) {
        StringBuilder out = new StringBuilder(text.length());
        for (int i = 0; i < text.length(); i++) {
            if (text.charAt(i) == '\\') {
                out.append((char) Integer.parseInt(text.substring(i + 2, i + 4), 16));
                i += 3;
            } else {
                out.append(text.charAt(i));
            }
        }
        return out.toString();
    }
}
