package interop;

/** Runs one scenario of the official Java client; the contract is in tests/interop/README.md. */
public final class Runner {
  private Runner() {}

  public static void main(String[] argv) {
    int status = 1;
    try {
      Args args = new Args(argv);
      status = run(args);
    } catch (Throwable error) {
      Out.event("error", "text", error.toString());
      error.printStackTrace();
    }
    System.exit(status);
  }

  private static int run(Args args) throws Exception {
    switch (args.scenario) {
      case "produce":
        return new Produce(args).run();
      case "fill":
        return new Fill(args).run();
      case "consume":
        return new Consume(args).run();
      case "pull":
        return new Pull(args).pull();
      case "pull-hold":
        return new Pull(args).hold();
      case "select":
        return new Select(args).run();
      case "lite-pull":
        return new Pull(args).lite();
      case "offsets":
        return new Pull(args).offsets();
      case "create-topic":
        return new Admin(args).create_topic();
      case "query":
        return new Admin(args).query();
      case "transaction":
        return new Transact(args).run();
      case "recall":
        return new Recall(args).run();
      case "request":
        return new Ask(args).run();
      default:
        throw new IllegalArgumentException("unknown scenario '" + args.scenario + "'");
    }
  }
}
