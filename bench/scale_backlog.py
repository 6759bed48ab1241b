"""A hot topic at a steady rate, alone and beside a consumer that reads a long backlog from the disk.

The backlog is written first; then the broker is started anew. Runs alternate: A is the hot topic alone, B the same with
the reader, and C, a control, beside a process that has nothing to do with the broker and reads the same files at the
pace of the B before it, on the server's core at the priority of the server's pool: what the machine alone does to the
latencies when it reads so much. Before each B and C the log's old files are put out of the page cache (their cached share is printed: it shows
that the reads were cold, as does the figure of bytes read from the disk). The hot topic is published to in an open
loop, so latency counts from when a message was due, and consumed by long polling; both loads run with real-time
priority where that is permitted, so that the reader on their core does not delay them.
"""
import re
import statistics
import subprocess
import sys
import threading
import time

from harness import (Awake, Broker, cached_bytes, drop_cached, finish_load, need_free_bytes, pinned, say, spread,
                     urgent)

ADD_OPTIONS = (
    ("--backlog-gib", dict(type=float, default=20.0)),
    ("--backlog-queues", dict(type=int, default=4)),
    ("--size", dict(type=int, default=1024, help="bytes of a body, of both topics")),
    ("--rate", dict(type=int, default=5000, help="messages per second of the hot topic")),
    ("--hot-queues", dict(type=int, default=4)),
    ("--reader-rate", dict(default="0B", help="bytes per second of the reader, as 100MiB; 0B: as fast as it goes")),
    ("--reader-batch", dict(type=int, default=32, help="messages of one of its pulls")),
    ("--seconds", dict(type=int, default=15, help="of one measurement")),
    ("--warm-up", dict(type=int, default=3)),
    ("--repetitions", dict(type=int, default=5, help="of each, A and B")),
)
PERCENTILES = ("p50_us", "p99_us", "p999_us", "max_us")


CONTROL = """
import sys, time
rate, seconds, names = float(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]
start, done = time.monotonic(), 0
piece = bytearray(256 << 10)
while time.monotonic() - start < seconds:
    for name in names:
        with open(name, "rb", buffering=0) as file:
            while (size := file.readinto(piece)) and time.monotonic() - start < seconds:
                done += size
                time.sleep(max(0, start + done / rate - time.monotonic()))
"""


class MemoryWatch:
    """The most that the broker had resident, asked twice a second."""

    def __init__(self, broker):
        self.broker, self.rss, self.anonymous, self.over = broker, 0, 0, threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()

    def watch(self):
        while not self.over.wait(0.5):
            rss, anonymous = self.broker.rss_bytes()
            self.rss, self.anonymous = max(self.rss, rss), max(self.anonymous, anonymous)

    def stop(self):
        self.over.set()
        self.thread.join()


def old_files(broker, log_end):
    """The files of the log that are full: the newest takes the hot topic, and one behind it may be prepared."""
    return [path for path in sorted((broker.store / "commitlog").iterdir())
            if int(path.name) + path.stat().st_size <= log_end]


def measure(broker, options, kind, pace):
    """`pace`: bytes per second of the control."""
    seconds = options.warm_up + options.seconds
    log = old_files(broker, options.log_end)
    if kind != "A":
        drop_cached(log)
    cached = cached_bytes(log)
    hot = ["--topic", "ScaleHot", "--queues", options.hot_queues, "--warm-up", f"{options.warm_up}s"]
    read_before, cpu_before, watch = broker.read_bytes(), broker.cpu_seconds(), MemoryWatch(broker)
    reader = control = None
    if kind == "C":
        control = subprocess.Popen(pinned(options.server_cores, ["nice", "-n", "10", sys.executable, "-c", CONTROL, pace,
                                                                 seconds + 1, *log]))
        time.sleep(0.5)
    if kind == "B":
        reader = broker.begin_load(options.load_cores, "read", "--topic", "ScaleBacklog",
                                   "--queues", options.backlog_queues, "--rate", options.reader_rate,
                                   "--batch", options.reader_batch, "--repeat", "--duration", f"{seconds + 1}s")
        time.sleep(0.5)
    follower = broker.begin_load(options.load_cores, "follow", *hot, "--duration", f"{options.seconds}s", first=True)
    publisher = broker.begin_load(options.load_cores, *hot, "--duration", f"{options.seconds}s", "--rate", options.rate,
                                  "--size", options.size, "--connections", 4, first=True)
    publish, follow = finish_load(publisher), finish_load(follower)
    read = finish_load(reader, check=False) if reader else {}
    if control is not None:
        control.wait()
    watch.stop()
    if read.get("refused"):
        raise SystemExit(f"the reader was refused: {read['refused']}")
    return {"publish": publish, "follow": follow, "read": read, "cached_before_mib": cached / 2**20,
            "disk_read_mib": (broker.read_bytes() - read_before) / 2**20, "rss_max_mib": watch.rss / 2**20,
            "anonymous_max_mib": watch.anonymous / 2**20, "server_cpu_s": broker.cpu_seconds() - cpu_before}


def run(options):
    count = int(options.backlog_gib * 2**30 / (options.size + 290))
    hot_bytes = 2 * options.repetitions * (options.seconds + options.warm_up) * options.rate * (options.size + 300)
    need_free_bytes(options.data_dir, int(options.backlog_gib * 2**30 * 1.05) + hot_bytes + 3 * 2**30)
    broker = Broker(options.build, options.data_dir / "backlog", options.server_cores, **options.settings)
    runs = {"A": [], "B": [], "C": []}
    pace = 0
    try:
        broker.start()
        broker.load(options.load_cores, "topics", "--topic", "ScaleBacklog", "--queues", options.backlog_queues)
        broker.load(options.load_cores, "topics", "--topic", "ScaleHot", "--queues", options.hot_queues)
        filled = broker.load(options.load_cores, "--topic", "ScaleBacklog", "--queues", options.backlog_queues,
                             "--messages", count, "--size", options.size, "--duration", "0s")
        say(f"backlog of {filled['acknowledged']} messages written, {filled['messages_per_second']:.0f} msg/s")
        broker.stop()
        broker.start()
        broker.wait_idle()
        options.log_end = int(re.search(r"storage.recovered .*\blog_end=(\d+)", broker.log.read_text()).group(1))
        for repetition in range(options.repetitions):
            for kind in ("ABC" if repetition % 2 == 0 else "BCA"):
                with Awake(options.server_cores, options.load_cores):
                    result = measure(broker, options, kind, pace)
                runs[kind].append(result)
                if kind == "B":
                    pace = result["read"]["mib_per_second"] * 2**20
                say(f"{repetition + 1}/{options.repetitions} {kind}: publish p99 {result['publish']['p99_us']:.0f} us,"
                    f" end to end p99 {result['follow']['p99_us']:.0f} us,"
                    f" reader {result['read'].get('mib_per_second', 0):.0f} MiB/s,"
                    f" from disk {result['disk_read_mib']:.0f} MiB (cached before: {result['cached_before_mib']:.0f} MiB),"
                    f" RSS {result['rss_max_mib']:.0f} MiB")
                broker.wait_idle(seconds=30)
    finally:
        broker.stop()
    rows, ratios = [], {}
    for side in ("publish", "follow"):
        for name in PERCENTILES:
            alone = [r[side][name] for r in runs["A"]]
            beside = [r[side][name] for r in runs["B"]]
            control = [r[side][name] for r in runs["C"]]
            ratio = statistics.median(beside) / max(1e-9, statistics.median(alone))
            rows.append({"latency": f"{'publish' if side == 'publish' else 'end to end'} {name[:-3]}",
                         "alone_us": spread(alone), "beside_us": spread(beside), "control_us": spread(control),
                         "ratio": ratio,
                         "ratio_by_pair": spread([b / max(1e-9, a) for a, b in zip(alone, beside)])})
            ratios[f"{side} {name}"] = ratio
    beside = runs["B"]
    facts = {"reader, MiB/s": spread([r["read"]["mib_per_second"] for r in beside]),
             "read from disk, MiB": spread([r["disk_read_mib"] for r in beside]),
             "of the backlog cached before, MiB": spread([r["cached_before_mib"] for r in beside]),
             "server RSS alone, MiB": spread([r["rss_max_mib"] for r in runs["A"]]),
             "server RSS beside, MiB": spread([r["rss_max_mib"] for r in beside]),
             "server anonymous beside, MiB": spread([r["anonymous_max_mib"] for r in beside]),
             "publisher busy": spread([r["publish"]["load_busy_share"] for r in runs["A"] + beside]),
             "follower busy": spread([r["follow"]["load_busy_share"] for r in runs["A"] + beside]),
             "loads with real-time priority": getattr(urgent, "allowed", False)}
    return {"title": f"Hot topic of {options.rate} msg/s of {options.size} bytes beside a reader of a backlog of"
                     f" {options.backlog_gib} GiB, {options.repetitions} runs of {options.seconds} s each",
            "rows": rows, "facts": facts, "runs": runs}
