"""Server CPU per message with few queues and with many.

Two brokers take turns on the same core, the other one stopped meanwhile (SIGSTOP) with nothing left to do: one has
4 queues, one as many as asked for, and in both every message goes to the next queue. The load's memory does not grow
with the queues (its frames are patched from a handful of templates). Each repetition measures both, in alternating
order, and its ratio is taken by itself, so that a slow minute of the machine hits both.
"""
from harness import Broker, need_free_bytes, say, spread

ADD_OPTIONS = (
    ("--topics", dict(type=int, default=6250, help="topics of the broker with many queues")),
    ("--queues", dict(type=int, default=8, help="queues of each")),
    ("--fill", dict(type=int, default=64, help="messages to each queue before anything is measured: every queue has its"
                    " file then, as it has for all its life but the beginning")),
    ("--seconds", dict(type=int, default=10, help="of one measurement; several checkpoints of the store must fit in")),
    ("--warm-up", dict(type=int, default=4)),
    ("--repetitions", dict(type=int, default=5)),
    ("--size", dict(type=int, default=1024, help="bytes of a body")),
    ("--keys", dict(type=int, default=0, help="keys of each message besides the unique one")),
    ("--rate", dict(type=int, default=0, help="messages per second for both; 0: as fast as each answers")),
    ("--connections", dict(type=int, default=8)),
    ("--in-flight", dict(type=int, default=0)),
)


def run(options):
    per_second = options.rate or 150_000
    seconds = options.seconds + options.warm_up
    need_free_bytes(options.data_dir, 2 * (options.repetitions * seconds * per_second + options.fill * options.topics
                                           * options.queues) * (options.size + 300))
    few = Broker(options.build, options.data_dir / "few", options.server_cores, "few", **options.settings)
    many = Broker(options.build, options.data_dir / "many", options.server_cores, "many", **options.settings)
    spreads = {"few": ["--topic", "ScaleFew", "--topics", 1, "--queues", 4],
               "many": ["--topic", "ScaleMany", "--topics", options.topics, "--queues", options.queues]}
    results = {"few": [], "many": []}
    first = {}
    try:
        for broker in (few, many):
            broker.start()
            made = broker.load(options.load_cores, "topics", *spreads[broker.name])
            say(f"{broker.name}: {made['topics']} topics made in {made['seconds']:.1f} s; filling ...")
            filled = broker.load(options.load_cores, *spreads[broker.name], "--messages",
                                 options.fill * options.topics * options.queues, "--size", options.size,
                                 "--duration", "0s", "--server-pid", broker.pid)
            first[broker.name] = filled["server_cpu_us_per_message"]
            settled = broker.wait_idle()
            say(f"{broker.name}: " + (f"idle after {settled:.0f} s" if settled is not None else "not idle after 120 s"))
            broker.pause()
        for repetition in range(options.repetitions):
            order = (few, many) if repetition % 2 == 0 else (many, few)
            for broker in order:
                need_free_bytes(options.data_dir, seconds * per_second * (options.size + 300))
                broker.go_on()
                report = broker.load(
                    options.load_cores, *spreads[broker.name], "--size", options.size, "--keys", options.keys,
                    "--rate", options.rate, "--connections", options.connections, "--in-flight", options.in_flight,
                    "--warm-up", f"{options.warm_up}s", "--duration", f"{options.seconds}s", "--server-pid", broker.pid)
                report["settle_seconds"] = broker.wait_idle()
                report["usage"] = broker.usage()
                broker.pause()
                results[broker.name].append(report)
                say(f"{repetition + 1}/{options.repetitions} {broker.name:4} {report['messages_per_second']:9.0f} msg/s"
                    f" {report['server_cpu_us_per_message']:7.3f} us CPU/msg"
                    f" load busy {report['load_busy_share'] * 100:3.0f} %")
    finally:
        few.stop()
        many.stop()
    ratios = [m["server_cpu_us_per_message"] / f["server_cpu_us_per_message"]
              for f, m in zip(results["few"], results["many"])]
    rows = []
    for name, queues in (("few", 4), ("many", options.topics * options.queues)):
        reports = results[name]
        rows.append({"queues": queues,
                     "cpu_us_per_msg": spread([r["server_cpu_us_per_message"] for r in reports]),
                     "msg_per_s": spread([r["messages_per_second"] for r in reports]),
                     "p99_us": spread([r["p99_us"] for r in reports]),
                     "load_busy": spread([r["load_busy_share"] for r in reports]),
                     "rss_mib": reports[-1]["usage"]["rss_mib"],
                     "anonymous_mib": reports[-1]["usage"]["anonymous_mib"],
                     "files": reports[-1]["usage"]["open_files"],
                     "mappings": reports[-1]["usage"]["mappings"]})
    return {"title": f"Server CPU per message of {options.size} bytes, {options.repetitions} repetitions of"
                     f" {options.seconds} s, server on core {options.server_cores}, load on {options.load_cores}",
            "rows": rows, "facts": {"ratio many/few": spread(ratios),
                                     f"us CPU/msg of the first {options.fill} messages to each queue": first["many"]}, "runs": results}
