"""A broker with many queues and a long log is killed and started again; then its consume queues are deleted, too.

The log is filled by a load whose messages say which they are, all of them acknowledged, and then SIGKILL. Times count
from the start of the new process: until it says that it is ready, until a new message is acknowledged, until a sample
of queues has answered all its messages, and (at the second start, without its consume queues) until every queue has
answered its first and its last messages, and until every queue has answered every message, each once, in the right
queue, with the right checksum. A queue that answers too early that it
is at its end is counted as a short answer and asked again, one that refuses (SYSTEM_BUSY while it is rebuilt), too.
"""
import shutil
import time

from harness import Broker, need_free_bytes, say

ADD_OPTIONS = (
    ("--topics", dict(type=int, default=1250)),
    ("--queues", dict(type=int, default=8, help="queues of each")),
    ("--log-gib", dict(type=float, default=5.0, help="size of the log")),
    ("--size", dict(type=int, default=1024, help="bytes of a body")),
    ("--keys", dict(type=int, default=0)),
    ("--random", dict(action="store_true", help="messages to queues in random order")),
    ("--sample", dict(type=int, default=100, help="queues of the quick look")),
    ("--patience", dict(type=int, default=300, help="seconds to wait for right answers")),
    ("--settle", dict(action="store_true", help="wait until the broker is idle before it is killed")),
)


def start_and_look(broker, options, what, spread, count, everything):
    began = time.monotonic()
    ready = broker.start(options.patience)
    broker.load(options.load_cores, "--topic", "ScaleProbe", "--queues", 1, "--messages", 1, "--duration", "0s")
    publish = time.monotonic() - began
    wanted = [*spread, "--expect", count, "--duration", f"{options.patience}s", "--in-flight", 64]
    sample = broker.load(options.load_cores, "read", *wanted, "--sample", options.sample, check=False)
    sampled = time.monotonic() - began
    row = {"start": what, "ready_s": ready, "publish_s": publish, "sample_s": sampled, "every_queue_s": "", "all_s": "",
           "short": sample["short_answers"], "refused": sum(sample["refused"].values()),
           "wrong": sample["wrong_count"], "queues_right": f"{sample['queues_done']}/{sample['queues']}"}
    wrong = sample["wrong"]
    if everything:
        ends = broker.load(options.load_cores, "read", *wanted, "--ends", 8, check=False)
        row["every_queue_s"] = time.monotonic() - began
        row["short"] += ends["short_answers"]
        row["refused"] += sum(ends["refused"].values())
        row["wrong"] += ends["wrong_count"]
        wrong = wrong + ends["wrong"]
        if ends["queues_done"] != ends["queues"]:
            raise SystemExit(f"only {ends['queues_done']} of {ends['queues']} queues answered within {options.patience} s")
        read = broker.load(options.load_cores, "read", *wanted, check=False)
        row["all_s"] = time.monotonic() - began
        row["short"] += read["short_answers"]
        row["refused"] += sum(read["refused"].values())
        row["wrong"] += read["wrong_count"]
        row["queues_right"] = f"{read['queues_done']}/{read['queues']}"
        wrong = wrong + read["wrong"]
        say(f"read {read['messages']} messages at {read['mib_per_second']:.0f} MiB/s,"
            f" load busy {read['load_busy_share'] * 100:.0f} %")
    say(", ".join(f"{name} {value:.2f}" if isinstance(value, float) else f"{name} {value}" for name, value in row.items()))
    return row, wrong


def run(options):
    count = int(options.log_gib * 2**30 / (options.size + 290))
    need_free_bytes(options.data_dir, int(options.log_gib * 2**30 * 1.3) + 2**30)
    broker = Broker(options.build, options.data_dir / "restart", options.server_cores, **options.settings)
    spread = ["--topic", "ScaleRestart", "--topics", options.topics, "--queues", options.queues]
    if options.random:
        spread.append("--random")
    rows, wrong, facts = [], [], {}
    try:
        broker.start()
        broker.load(options.load_cores, "topics", *[word for word in spread if word != "--random"])
        filled = broker.load(options.load_cores, *spread, "--messages", count, "--size", options.size,
                             "--keys", options.keys, "--duration", "0s")
        say(f"{filled['acknowledged']} messages acknowledged, {filled['messages_per_second']:.0f} msg/s")
        facts["messages"] = filled["acknowledged"]
        if options.settle:
            broker.wait_idle()
        broker.kill()
        facts["log, GiB"] = sum(f.stat().st_size for f in (broker.store / "commitlog").iterdir()) / 2**30
        row, found = start_and_look(broker, options, "kill -9", spread, count, everything=False)
        rows.append(row)
        wrong += found
        broker.kill()
        shutil.rmtree(broker.store / "consumequeue")
        row, found = start_and_look(broker, options, "no consumequeue", spread, count, everything=True)
        rows.append(row)
        wrong += found
        facts.update(broker.usage())
        stopped = broker.stop()
        row, found = start_and_look(broker, options, "orderly", spread, count, everything=True)
        row["start"] += f" (stop {stopped:.1f} s)"
        rows.append(row)
        wrong += found
    finally:
        broker.stop()
    facts["wrong answers"] = wrong[:10]
    return {"title": f"{options.topics * options.queues} queues, {options.log_gib} GiB of log, killed after the last"
                     " acknowledgement", "rows": rows, "facts": facts}
