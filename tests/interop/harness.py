"""What scenarios are written with: a world with a broker in it, checks, and the list of tests."""

import dataclasses
import itertools
import threading
import time

import wire
from process import Process


class Failed(AssertionError):
    """A scenario went wrong: what was expected and what was found."""


class Skipped(Exception):
    """A scenario cannot run here, and why."""


def check(condition, expected, found):
    if not condition:
        raise Failed(f"expected {expected}, found {found}")


def equal(found, expected, what):
    check(found == expected, f"{what} {expected}", found)


@dataclasses.dataclass
class Test:
    name: str
    function: object
    clients: tuple
    timeout: float
    tags: frozenset


class World:
    """A running broker and a place for logs. `own` is the broker process when this run started it, else None."""

    _numbers = itertools.count(1)

    def __init__(self, namesrv, folder, own=None, count=200, command=None):
        self.namesrv = namesrv
        self.folder = folder
        self.own = own
        self.count = count
        self.command = command
        self._run = format(int(time.time()) % 1_000_000, "06d")
        self._children = threading.local()

    def fresh(self, kind):
        """A name no earlier test or run has used: scenarios never share topics or groups."""
        return f"{kind}-{self._run}-{next(self._numbers)}"

    def topic(self, client=None, queues=4):
        """A fresh topic; it is created here when `client` cannot have it auto-created, or none is named."""
        name = self.fresh("IT")
        if client is None or "auto-create" not in client.can:
            self.create_topic(name, queues)
        return name

    def create_topic(self, name, queues=4):
        equal(wire.create_topic(self.namesrv, name, queues), 0, f"response code of creating topic {name}")
        deadline = time.monotonic() + 10
        while wire.route(self.namesrv, name) is None:
            check(time.monotonic() < deadline, f"a route of {name} within 10 s of its creation", "none")
            time.sleep(0.05)

    def start(self, client, scenario, runtime=(), **options):
        options = {"namesrv": self.namesrv, "group": self.fresh("GID"), **options}
        log = self.folder / "logs" / f"{next(self._numbers):04d}-{client.name}-{scenario}.log"
        process = Process(client.command(scenario, options, runtime), log, env=client.environment())
        self.children().append(process)
        return process

    def run(self, client, scenario, runtime=(), **options):
        """Runs a scenario to its end and answers its `done` event. `timeout` (seconds) is the runner's own too."""
        process = self.start(client, scenario, runtime, **options)
        done = process.wait_event("done", options.get("timeout", 60) + 30)
        process.wait(30)
        done["exit"] = process.stop()
        return done

    def produce(self, client, count, **options):
        """Like run("produce"), and every message must have been taken."""
        done = self.run(client, "produce", count=count, **options)
        check(done["sent"] == count and not done["errors"], f"{count} messages sent by {client.name}",
              f"{done['sent']} and errors {done['errors']} ({done['first_error']})")
        return done

    def consume(self, client, count, **options):
        """Like run("consume"), and exactly `count` different messages must have come, each once and unharmed."""
        done = self.run(client, "consume", count=count, **options)
        exactly(done, count, client.name)
        return done

    def children(self):
        if not hasattr(self._children, "list"):
            self._children.list = []
        return self._children.list

    def clean(self):
        """Ends whatever the current test left behind."""
        for process in self.children():
            process.kill()
        self.children().clear()


def exactly(done, count, who):
    summary = {key: done[key] for key in ("distinct", "duplicates", "corrupt", "bad_properties")}
    equal(summary, {"distinct": count, "duplicates": 0, "corrupt": 0, "bad_properties": 0}, f"{who} to receive")
