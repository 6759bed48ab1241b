"""The real Apache RocketMQ, fetched from Maven Central, started on loopback ports of our choice."""

import shutil
import subprocess

from paths import CACHE, HERE, free_port
from process import Process

VERSION = "5.3.3"
HEAP = ["-Xms512m", "-Xmx512m", "-XX:+UseG1GC"]
BROKER_JVM = ["-XX:MaxDirectMemorySize=512m", "--add-exports", "java.base/sun.nio.ch=ALL-UNNAMED", "--add-opens",
              "java.base/java.nio=ALL-UNNAMED", "--add-opens", "java.base/sun.nio.ch=ALL-UNNAMED"]


class Unavailable(Exception):
    """The jars cannot be fetched, and why."""


def fetch():
    """Answers the class path of the server jars, fetching them first when they are not in the cache."""
    lib = CACHE / "apache" / "lib"
    stamp = CACHE / "apache" / f"fetched-{VERSION}"
    if not stamp.exists():
        if not shutil.which("mvn") or not shutil.which("java"):
            raise Unavailable("mvn and java are needed: apt-get install maven openjdk-17-jre-headless")
        lib.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            ["mvn", "-q", "-B", "-f", str(HERE / "apache" / "pom.xml"), "dependency:copy-dependencies",
             f"-DoutputDirectory={lib}", "-DincludeScope=runtime", f"-Drocketmq.version={VERSION}"],
            capture_output=True, text=True, timeout=600, check=False)
        if done.returncode != 0:
            raise Unavailable("Maven: " + (done.stdout + done.stderr).strip()[-300:])
        stamp.touch()
    return f"{lib}/*"


class NameServer:
    def __init__(self, folder, port=None, host="127.0.0.1"):
        self.port = port or free_port()
        self.address = f"{host}:{self.port}"
        folder.mkdir(parents=True, exist_ok=True)
        config = folder / "namesrv.conf"
        config.write_text(f"listenPort={self.port}\nbindAddress={host}\n")
        self.process = Process(
            ["java", "-Xms128m", "-Xmx256m", "-XX:+UseG1GC", f"-Drocketmq.home.dir={folder}", f"-Duser.home={folder}",
             "-cp", fetch(), "org.apache.rocketmq.namesrv.NamesrvStartup", "-c", str(config)],
            folder / "namesrv.log")
        self.process.wait_line("boot success", 60)

    def stop(self):
        self.process.stop()


class Broker:
    """`settings` are further lines of broker.conf; `advertised` is the IP that routes name, when not `host`."""

    def __init__(self, folder, namesrv, port=None, host="127.0.0.1", advertised=None, settings=None, jvm=()):
        self.folder = folder
        # The broker listens on two more ports: the fast one, two below, and the replication one, one above.
        self.port = port or free_port(below=2)
        self.address = f"{advertised or host}:{self.port}"
        self._namesrv = namesrv
        self._jvm = list(jvm)
        folder.mkdir(parents=True, exist_ok=True)
        conf = {
            "brokerClusterName": "DefaultCluster", "brokerName": "broker-a", "brokerId": 0,
            "brokerRole": "ASYNC_MASTER", "flushDiskType": "ASYNC_FLUSH", "brokerIP1": advertised or host,
            "namesrvAddr": namesrv, "listenPort": self.port, "bindAddress": host, "haListenPort": free_port(),
            "storePathRootDir": folder / "store", "storePathCommitLog": folder / "store" / "commitlog",
            "mappedFileSizeCommitLog": 128 << 20, "enablePropertyFilter": "true", "autoCreateTopicEnable": "true",
            "recallMessageEnable": "true", "timerWheelEnable": "true", "diskMaxUsedSpaceRatio": 95,
            "maxMessageSize": 4 << 20, **(settings or {})}
        self.config = folder / "broker.conf"
        self.config.write_text("".join(f"{key}={value}\n" for key, value in conf.items()))
        self.start()

    def start(self):
        self.process = Process(
            ["java", *HEAP, *BROKER_JVM, *self._jvm, f"-Drocketmq.home.dir={self.folder}",
             f"-Duser.home={self.folder}", "-cp", fetch(), "org.apache.rocketmq.broker.BrokerStartup", "-c",
             str(self.config), "-n", self._namesrv],
            self.folder / "broker.log")
        self.process.wait_line("boot success", 90)

    def stop(self):
        self.process.stop(40)

    def kill(self):
        self.process.kill()
