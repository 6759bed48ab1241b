"""What many topics cost a broker: making them, being idle with them, stopping, and being ready again.

Topics are made in requests of 1000 (UPDATE_AND_CREATE_TOPIC_LIST), each answered when they are durable. "Ready" counts
from the start of the process to the line that says so; "publish" from the start of the process until a message to the
last topic is acknowledged. The second half of the table is with messages in `--with-messages` queues.
"""
import time

from harness import Broker, need_free_bytes, say, tree_bytes

ADD_OPTIONS = (
    ("--topics", dict(type=int, default=100_000)),
    ("--queues", dict(type=int, default=1, help="queues of each")),
    ("--with-messages", dict(type=int, default=50_000, help="topics whose first queue gets messages; 0: none")),
    ("--messages-each", dict(type=int, default=2)),
    ("--idle-seconds", dict(type=int, default=10, help="over which the CPU use of an idle broker is taken")),
)


def look(broker, options, what, ready, stopped=None):
    """One line of the table, of a broker that was just started."""
    began = time.monotonic()
    broker.load(options.load_cores, "--topic", "ScaleProbe", "--queues", 1, "--messages", 1, "--duration", "0s")
    publish = time.monotonic() - began
    broker.wait_idle(seconds=60)
    before = broker.cpu_seconds()
    time.sleep(options.idle_seconds)
    idle = (broker.cpu_seconds() - before) / options.idle_seconds
    row = {"start": what, "stop_s": stopped if stopped is not None else "", "ready_s": ready,
           "publish_s": ready + publish, "idle_cpu_%": idle * 100, **broker.usage()}
    say(", ".join(f"{name} {value:.2f}" if isinstance(value, float) else f"{name} {value}" for name, value in row.items()))
    return row


def run(options):
    need_free_bytes(options.data_dir, options.with_messages * 24 * 1024 + 2**30)
    broker = Broker(options.build, options.data_dir / "topics", options.server_cores, **options.settings)
    topics = ["--topic", "ScaleTopic", "--topics", options.topics, "--queues", options.queues]
    rows, facts = [], {}
    try:
        rows.append(look(broker, options, "empty", broker.start()))
        made = broker.load(options.load_cores, "topics", *topics)
        facts["making topics, s"], facts["slowest request of 1000, ms"] = made["seconds"], made["slowest_request_ms"]
        say(f"{options.topics} topics made in {made['seconds']:.1f} s, slowest request {made['slowest_request_ms']:.0f} ms")
        stopped = broker.stop()
        rows.append(look(broker, options, "orderly", broker.start(), stopped))
        broker.kill()
        rows.append(look(broker, options, "kill -9", broker.start()))
        if options.with_messages > 0:
            count = options.with_messages * options.messages_each
            used = ["--topic", "ScaleTopic", "--topics", options.with_messages, "--queues", 1]
            broker.load(options.load_cores, *used, "--messages", count, "--size", 128, "--duration", "0s")
            facts["settled after, s"] = broker.wait_idle() or "not within 120 s"
            stopped = broker.stop()
            rows.append(look(broker, options, "orderly, messages", broker.start(), stopped))
            broker.kill()
            rows.append(look(broker, options, "kill -9, messages", broker.start()))
            facts["files on disk, MiB"] = tree_bytes(broker.store) / 2**20
            check = broker.load(options.load_cores, "read", *used, "--sample", min(1000, options.with_messages),
                                "--expect", count, "--duration", "60s", check=False)
            facts["queues read back right"] = f"{check.get('queues_done')} of {check.get('queues')}"
            facts["wrong"] = check.get("wrong", [])
    finally:
        broker.stop()
    return {"title": f"{options.topics} topics of {options.queues} queues, messages in {options.with_messages} queues",
            "rows": rows, "facts": facts}
