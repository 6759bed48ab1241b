"""Apache's own mqadmin, asked many commands from one process."""

import pathlib
import re
import subprocess

from apache import fetch
from paths import HERE
from process import Process


class MqAdmin:
    """`namesrv` is what -n names in every command."""

    def __init__(self, folder, namesrv):
        self._namesrv = namesrv
        self._folder = folder
        self._process = Process([*_java(folder), HERE / "apache" / "MqAdmin.java"], folder / "mqadmin.log", cwd=folder)
        self._process.wait_event("ready", 60)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()

    def run_for(self, seconds, *words):
        """The same for a command that does not end by itself: what it printed until it was ended."""
        log = self._folder / f"mqadmin-{words[0]}.log"
        process = Process([*_java(self._folder), "org.apache.rocketmq.tools.command.MQAdminStartup", *words, "-n",
                           self._namesrv], log, cwd=self._folder)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            pass
        process.kill()
        return log.read_text(errors="replace")

    def run(self, *words):
        """What the command printed. It also writes bodies of messages below /tmp; they are removed."""
        self._process.send("\t".join([*map(str, words), "-n", self._namesrv]))
        text = self._process.wait_event("answer", 120)["text"]
        for path in re.findall(r"^Message Body Path:\s+(/tmp/\S+)$", text, re.MULTILINE):
            pathlib.Path(path).unlink(missing_ok=True)
        return text


def _java(folder):
    home = folder / "mqadmin"
    home.mkdir(parents=True, exist_ok=True)
    return ["java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", f"-Duser.home={home}",
            f"-Drocketmq.home.dir={home}", "-cp", fetch()]
