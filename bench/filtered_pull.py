#!/usr/bin/env python3
"""What SQL92 filters do to the throughput of pulls: the same log read without a filter and with selective ones.

  ./dev build release; python3 bench/filtered_pull.py --build build/release

A consumer's progress is what counts: messages per second that it received or was spared. Filters that select one in 16
and one in 8 messages stand on both sides of the 10 % that consumers are said to want. Runs take turns; medians.
"""

import argparse
import json
import pathlib
import statistics
import tempfile

import harness

FILTERS = {
    "everything": None,
    "1 in 8": "UNIQ_KEY ENDSWITH '0' OR UNIQ_KEY ENDSWITH '8'",
    "1 in 16": "UNIQ_KEY ENDSWITH '0'",
    "1 in 16, three terms": "WAIT IS NULL AND KEYS CONTAINS 'order-' AND UNIQ_KEY ENDSWITH '0'",
    "nothing": "UNIQ_KEY = 'x'",
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build/release"))
    parser.add_argument("--messages", type=int, default=400_000)
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()

    harness.need_tools_and_cores()
    with tempfile.TemporaryDirectory(prefix="gantry-filter-") as folder:
        server = harness.Broker(options.build.resolve(), folder, "0")
        server.start()
        try:
            spread = ["--topic", "filtered", "--queues", "8"]
            server.load("1", "topics", *spread)
            server.load("1", *spread, "--random", "--keys", "1", "--size", str(options.size),
                        "--messages", str(options.messages), "--warm-up", "0s", "--duration", "0s")
            rates = {name: [] for name in FILTERS}
            for _ in range(options.runs):
                for name, sql in FILTERS.items():
                    report = server.load("1", "read", *spread, "--random", *(["--sql", sql] if sql else []))
                    rates[name].append(report["messages"] / report["seconds"])
        finally:
            server.stop()
    medians = {name: statistics.median(each) for name, each in rates.items()}
    if options.json:
        print(json.dumps(rates))
    for name, rate in medians.items():
        print(f"{name:24} {rate:12,.0f} messages/s   {rate / medians['everything']:5.2f} of unfiltered")


if __name__ == "__main__":
    main()
