#!/usr/bin/env python3
"""How a broker with storage-mmap fares with many queues, many topics, long logs and consumers that are far behind.

    python3 bench/store_scale.py queues  [--topics 6250 --queues 8]     CPU per message, 4 queues beside 50,000
    python3 bench/store_scale.py topics  [--topics 100000]              making, idling, restarting
    python3 bench/store_scale.py restart [--log-gib 5]                  kill -9, and without consume queues
    python3 bench/store_scale.py backlog [--backlog-gib 20]             a hot topic beside a reader of old messages

Each prints a table, or with --json all figures. Needs a release build (./dev build release). Everything lies in a
folder below --data-dir that is removed at the end; free space is checked before anything is written.
"""
import argparse
import pathlib
import shutil
import signal
import sys
import tempfile

import scale_backlog
import scale_queues
import scale_restart
import scale_topics
from harness import need_tools_and_cores, print_report, say

WORKLOADS = {"queues": scale_queues, "topics": scale_topics, "restart": scale_restart, "backlog": scale_backlog}


def pair(text):
    key, found, value = text.partition("=")
    if not found:
        raise argparse.ArgumentTypeError(f"expected key=value, found {text}")
    return key, value


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="workload", required=True)
    for name, module in WORKLOADS.items():
        command = commands.add_parser(name, description=module.__doc__,
                                      formatter_class=argparse.RawDescriptionHelpFormatter)
        command.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build/release"))
        command.add_argument("--data-dir", type=pathlib.Path, help="where the brokers keep their files (default: the"
                             " temporary folder); the file system that is measured")
        command.add_argument("--server-cores", default="0", help="as taskset takes them")
        command.add_argument("--load-cores", default="1")
        command.add_argument("--store", type=pair, action="append", default=[], metavar="KEY=VALUE",
                             help="an option of storage-mmap, as TOML")
        command.add_argument("--broker", type=pair, action="append", default=[], metavar="KEY=VALUE",
                             help="an option of [broker], as TOML")
        command.add_argument("--shards", type=int, default=1)
        command.add_argument("--json", action="store_true")
        for option, settings in module.ADD_OPTIONS:
            command.add_argument(option, **settings)
    options = parser.parse_args()
    need_tools_and_cores()
    options.build = options.build.resolve()
    if not (options.build / "bin/gantry").exists():
        sys.exit(f"{options.build}/bin/gantry is missing: ./dev build release")
    options.settings = {"shards": options.shards, "store": dict(options.store), "broker": dict(options.broker)}
    # A terminated script ends its servers and removes its files like one that was interrupted.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
    folder = pathlib.Path(tempfile.mkdtemp(prefix="gantry-scale-", dir=options.data_dir))
    options.data_dir = folder
    try:
        report = WORKLOADS[options.workload].run(options)
    finally:
        say(f"removing {folder}")
        shutil.rmtree(folder, ignore_errors=True)
    print_report(report, options.json)


if __name__ == "__main__":
    main()
