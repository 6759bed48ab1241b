"""A child process whose output is read in the background, so that it can be waited for by condition."""

import collections
import json
import os
import queue
import signal
import subprocess
import threading
import time


class Process:
    """Started at once, in its own process group; `log` (a path) keeps everything it printed."""

    LINES_KEPT = 200

    def __init__(self, command, log, env=None, cwd=None):
        self.command = [str(part) for part in command]
        log.parent.mkdir(parents=True, exist_ok=True)
        self.log = log
        self._log = open(log, "wb")
        self._lines = queue.Queue()
        self.tail = collections.deque(maxlen=self.LINES_KEPT)
        self.events = []
        self._child = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       stderr=subprocess.STDOUT, env={**os.environ, **(env or {})}, cwd=cwd,
                                       start_new_session=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for raw in self._child.stdout:
            self._log.write(raw)
            self._log.flush()
            self._lines.put(raw.decode("utf-8", "replace").rstrip("\n"))
        self._lines.put(None)

    @property
    def pid(self):
        return self._child.pid

    @property
    def running(self):
        return self._child.poll() is None

    def next_line(self, deadline):
        """The next line, or None when output ended; raises TimeoutError at the deadline (time.monotonic)."""
        try:
            line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            raise TimeoutError(f"no further output from {self.command[0]} (log: {self.log})") from None
        if line is None:
            self._lines.put(None)
            return None
        self.tail.append(line)
        return line

    def wait_line(self, text, timeout):
        deadline = time.monotonic() + timeout
        while True:
            line = self.next_line(deadline)
            if line is None:
                raise RuntimeError(f"{self.command[0]} ended before printing '{text}': " + self.last_words())
            if text in line:
                return line

    def wait_event(self, name, timeout, where=lambda event: True):
        """The next JSON event of that name which satisfies `where`; earlier ones are kept in `events`."""
        deadline = time.monotonic() + timeout
        while True:
            line = self.next_line(deadline)
            if line is None:
                raise RuntimeError(f"the runner ended without event '{name}': " + self.last_words())
            event = parse_event(line)
            if event is None:
                continue
            self.events.append(event)
            if event["event"] == name and where(event):
                return event

    def drain(self):
        """Moves the events printed so far into `events` without waiting."""
        while True:
            try:
                line = self._lines.get_nowait()
            except queue.Empty:
                return
            if line is None:
                self._lines.put(None)
                return
            self.tail.append(line)
            event = parse_event(line)
            if event is not None:
                self.events.append(event)

    def send(self, text):
        try:
            self._child.stdin.write(text.encode() + b"\n")
            self._child.stdin.flush()
        except BrokenPipeError:
            pass

    def last_words(self, lines=6):
        return " / ".join(list(self.tail)[-lines:]) or f"(it printed nothing; log: {self.log})"

    def wait(self, timeout):
        return self._child.wait(timeout)

    def stop(self, timeout=20):
        """Asks with SIGTERM, then insists. Answers the exit code."""
        if self.running:
            self._child.send_signal(signal.SIGTERM)
            try:
                self._child.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill()
        self._close()
        return self._child.returncode

    def kill(self):
        """Ends it and its children at once; harmless when it has ended already."""
        if self.running:
            os.killpg(self._child.pid, signal.SIGKILL)
            self._child.wait(10)
        self._close()

    def _close(self):
        self._reader.join(5)
        self._child.stdin.close()
        self._log.close()


def parse_event(line):
    if not line.startswith("{"):
        return None
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and "event" in event else None
