#!/usr/bin/env python3
"""Runs the official RocketMQ clients against a broker and says what passed, failed or was skipped.

  run.py                            starts build/dev/bin/gantry on free ports and runs the quick set
  run.py --broker-cmd 'PATH/gantry' another binary (or set GANTRY_BROKER_CMD)
  run.py --namesrv HOST:PORT        a broker that runs already; tests that must restart it are skipped
  run.py --apache                   the real Apache RocketMQ instead, to prove the scenarios themselves
  run.py --only PATTERN             tests whose name contains PATTERN (may be repeated); --clients java5,go
  run.py --quick | --full           what CI runs (less than 12 minutes on 2 cores) | everything
  run.py --later                    features of later milestones too
  run.py --store storage-memory     another store than storage-mmap

Exit code 0: something passed and nothing failed; 77: nothing could run. A client whose registry cannot be reached is
reported as SKIPPED by name.
"""

import argparse
import concurrent.futures
import pathlib
import shutil
import sys
import tempfile
import threading
import time
import traceback

import apache
import clients
import scenarios
import script_scenarios  # noqa: F401 -- registers its scenarios
import wire
from gantry import Gantry
from harness import Failed, Skipped, Test, World

# What ctest takes for "skipped": no client could be fetched, so nothing was shown.
NOTHING_RAN = 77


def parse(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--broker-cmd", help="command that precedes `run --config FILE`")
    where.add_argument("--namesrv", help="host:port of a name server that runs already")
    where.add_argument("--apache", action="store_true", help="run against the real Apache RocketMQ")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="the default")
    size.add_argument("--full", action="store_true")
    parser.add_argument("--later", action="store_true")
    parser.add_argument("--store", default="storage-mmap", help="the plugin that keeps the messages")
    parser.add_argument("--only", action="append", default=[], metavar="PATTERN")
    parser.add_argument("--clients", help="comma-separated: java5,java4,go,node")
    parser.add_argument("--jobs", type=int, default=2, help="tests at a time (default 2)")
    parser.add_argument("--keep", action="store_true", help="keep the logs even when everything passed")
    parser.add_argument("--list", action="store_true", help="name the tests and stop")
    return parser.parse_args(argv)


def prepare(names):
    """The clients that can be used, and the names and reasons of those that cannot."""
    usable, missing = [], []
    wanted = names.split(",") if names else None
    known = clients.all_clients()
    for name in wanted or []:
        if name not in [client.name for client in known]:
            raise SystemExit(f"--clients: '{name}' is unknown; known are {', '.join(c.name for c in known)}")
    for client in known:
        if wanted and client.name not in wanted:
            continue
        print(f"preparing {client.name} {client.version} ...", flush=True)
        try:
            client.prepare()
            usable.append(client)
        except clients.Unavailable as reason:
            missing.append((f"{client.name} {client.version}", str(reason)))
    return usable, missing


class ApacheServers:
    """The real thing, with the same face as Gantry's process."""

    def __init__(self, folder):
        self._namesrv = apache.NameServer(folder / "namesrv")
        self.namesrv = self._namesrv.address
        # Checking back sooner than the 3 s in which it collects decisions, Apache asks about decided transactions.
        self._broker = apache.Broker(folder / "broker", self.namesrv,
                                     settings={"transactionTimeOut": 6000, "transactionCheckInterval": 10_000})
        self._wait()

    def _wait(self):
        deadline = time.monotonic() + 40
        while wire.route(self.namesrv, "TBW102") is None:
            if time.monotonic() > deadline:
                raise TimeoutError("the Apache broker did not register within 40 s")
            time.sleep(0.2)

    def start(self):
        self._broker.start()
        self._wait()

    def stop(self):
        self._broker.stop()

    def kill(self):
        self._broker.kill()

    def close(self):
        self._broker.kill()
        self._namesrv.stop()


def selected(options, usable):
    """The tests to run, split into those that may run side by side and those that want the broker alone."""
    skip = set()
    if not options.full:
        skip |= {"full", "mixed"}
    if not options.later:
        skip.add("later")
    if options.namesrv:
        skip |= {"own", "mixed"}
    if options.apache:
        skip.add("mixed")
    tests = [test for test in scenarios.expand(usable) if not test.tags & skip]
    if options.only:
        tests = [test for test in tests if any(pattern in test.name for pattern in options.only)]
    alone = [test for test in tests if "own" in test.tags or "timing" in test.tags]
    return [test for test in tests if test not in alone], alone


class Report:
    WIDTH = 78

    def __init__(self, total):
        self._total = total
        self._done = 0
        self.rows = []

    def add(self, name, verdict, seconds, text):
        self._done += 1
        self.rows.append((name, verdict, seconds, text))
        print(f"[{self._done:3}/{self._total}] {verdict:7} {name:<{self.WIDTH}} {seconds:6.1f} s  {text}", flush=True)

    def count(self, verdict):
        return sum(1 for row in self.rows if row[1] == verdict)

    def close(self, missing):
        failures = [row for row in self.rows if row[1] == "FAILED"]
        if failures:
            print("\nFailed:")
            for name, _, _, text in failures:
                print(f"  {name}\n      {text}")
        for name, reason in missing:
            print(f"SKIPPED {name}: {reason}")
        skipped = self.count("SKIPPED") + len(missing)
        print(f"\n{self.count('passed')} passed, {len(failures)} failed, {skipped} skipped")
        return not failures


def run_one(test, world):
    start = time.monotonic()
    # Every wait has its own deadline; this one bounds their sum. Ending the children ends the waits for them.
    children = world.children()
    watchdog = threading.Timer(test.timeout, lambda: [child.kill() for child in list(children)])
    watchdog.start()
    try:
        text = test.function(world, *test.clients) or ""
        verdict = "passed"
    except Skipped as reason:
        verdict, text = "SKIPPED", str(reason)
    except Failed as failure:
        verdict, text = "FAILED", str(failure)
    except Exception as error:  # Whatever a scenario trips over is that scenario's failure, not the suite's.
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{pathlib.Path(place.filename).name}:{place.lineno}"
        verdict, text = "FAILED", f"{type(error).__name__}: {error} ({where})"
    finally:
        watchdog.cancel()
        world.clean()
    seconds = time.monotonic() - start
    if verdict == "FAILED" and seconds >= test.timeout:
        text = f"ran longer than {test.timeout} s: {text}"
    return verdict, seconds, text


def _warm_up(world, client):
    world.run(client, "produce", topic=world.topic(), count=200, send_timeout=30_000)


def run_all(together, alone, world, report, jobs):
    with concurrent.futures.ThreadPoolExecutor(max_workers=max(1, jobs)) as pool:
        running = {pool.submit(run_one, test, world): test for test in together}
        for future in concurrent.futures.as_completed(running):
            report.add(running[future].name, *future.result())
    for test in alone:
        report.add(test.name, *run_one(test, world))


def main(argv):
    options = parse(argv)
    if options.list:
        for test in scenarios.expand(clients.all_clients()):
            print(test.name, " ".join(sorted(test.tags)))
        return 0
    usable, missing = prepare(options.clients)
    together, alone = selected(options, usable)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="gantry-interop-"))
    own = None
    start = time.monotonic()
    try:
        if not together + alone:
            print("no test is left to run")
        elif options.apache:
            own = ApacheServers(folder)
        elif not options.namesrv:
            own = Gantry(folder / "gantry", options.broker_cmd, store=options.store)
        namesrv = options.namesrv or (own.namesrv if own else "")
        world = World(namesrv, folder, own, count=10_000 if options.full else 200,
                      command=options.broker_cmd)
        if options.apache and own:
            # A cold JVM on a busy machine can take longer for its first sends than clients wait.
            run_one(Test("warm up", _warm_up, (usable[0],), 120, frozenset()), world)
        report = Report(len(together) + len(alone))
        run_all(together, alone, world, report, options.jobs)
    finally:
        if own:
            own.close() if options.apache else own.stop()
    fine = report.close(missing)
    print(f"in {time.monotonic() - start:.0f} s", end="")
    if fine and not options.keep:
        shutil.rmtree(folder, ignore_errors=True)
        print()
    else:
        print(f"; logs in {folder}")
    if not fine:
        return 1
    return 0 if report.count("passed") else NOTHING_RAN


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
