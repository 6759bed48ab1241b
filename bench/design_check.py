#!/usr/bin/env python3
"""Server CPU time per published message, as a multiple of the least that any server could need.

One run measures, in turn and on the same cores, the floor program (sockets and a memcpy) and a Gantry broker with
storage-mmap: 256 messages in flight over 8 connections, the server on one core and the load on another. Each pair is
repeated; medians and the ratio are printed.

    python3 bench/design_check.py --build build/release [--repetitions 5] [--seconds 5] [--json]
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

from harness import Broker, Server, need_tools_and_cores, pinned, stop_process, wait_for_line

SIZES = (1024, 128)


class Floor(Server):
    name = "floor"

    def __init__(self, build, folder, core):
        self.build = build
        log = folder / "floor.log"
        with log.open("w") as out:
            self.process = subprocess.Popen(
                pinned(core, [build / "bin/gantry-floor", "--file", folder / "floor.dat"]), stdout=out)
        self.port = int(wait_for_line(self.process, log, "port", 30).split()[1])


class Gantry(Broker):
    name = "gantry"

    def __init__(self, build, folder, core):
        super().__init__(build, folder, core, topics_max=50_000, level="warn")
        self.start()


def measure(server_type, build, size, options):
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        server = server_type(build, pathlib.Path(folder), options.server_core)
        try:
            return server.load(options.load_core, "--size", size, "--connections", 8, "--in-flight", 256,
                               "--topic", "BenchmarkTest", "--warm-up", "1s", "--duration", f"{options.seconds}s",
                               "--server-pid", server.process.pid)
        finally:
            stop_process(server.process)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build/release"))
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--server-core", type=int, default=0)
    parser.add_argument("--load-core", type=int, default=1)
    parser.add_argument("--folder", help="where the servers keep their files; needs 2 GiB (default: the temporary folder)")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    need_tools_and_cores()
    build = options.build.resolve()

    report = []
    for size in SIZES:
        rows = {"floor": [], "gantry": []}
        for repetition in range(options.repetitions):
            for server_type in (Floor, Gantry):
                result = measure(server_type, build, size, options)
                if result["refused"]:
                    sys.exit(f"{server_type.name} refused messages: {result['refused']}")
                rows[server_type.name].append(result)
                print(f"  {size:5} B  {repetition + 1}/{options.repetitions}  {server_type.name:7}"
                      f" {result['messages_per_second']:>10.0f} msg/s"
                      f" {result['server_cpu_us_per_message']:7.3f} us CPU/msg", file=sys.stderr)
        ratios = [g["server_cpu_us_per_message"] / f["server_cpu_us_per_message"]
                  for g, f in zip(rows["gantry"], rows["floor"])]
        line = {"body_bytes": size, "ratio_median": statistics.median(ratios), "ratio_min": min(ratios),
                "ratio_max": max(ratios)}
        for name, results in rows.items():
            for key in ("server_cpu_us_per_message", "messages_per_second", "p50_us", "p99_us"):
                line[f"{name}_{key}"] = statistics.median(result[key] for result in results)
        report.append(line)

    if options.json:
        print(json.dumps(report, indent=2))
        return
    print(f"{'body':>6} {'floor us/msg':>13} {'gantry us/msg':>14} {'ratio (min..max)':>22} {'gantry msg/s':>13} {'p50 us':>8} {'p99 us':>8}")
    for line in report:
        print(f"{line['body_bytes']:>6} {line['floor_server_cpu_us_per_message']:>13.3f}"
              f" {line['gantry_server_cpu_us_per_message']:>14.3f}"
              f" {line['ratio_median']:>9.2f} ({line['ratio_min']:.2f}..{line['ratio_max']:.2f})"
              f" {line['gantry_messages_per_second']:>13.0f} {line['gantry_p50_us']:>8.0f} {line['gantry_p99_us']:>8.0f}")


if __name__ == "__main__":
    main()
