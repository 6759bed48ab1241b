"""The official clients: how each scenario runner is built into the cache and started."""

import hashlib
import os
import shutil
import subprocess

from paths import CACHE, HERE

BUILD_TIMEOUT = 900


class Unavailable(Exception):
    """This client cannot be built here (no tool, or its registry cannot be reached), and why."""


def _run(command, cwd=None, env=None):
    try:
        done = subprocess.run([str(part) for part in command], cwd=cwd, env={**os.environ, **(env or {})},
                              capture_output=True, text=True, timeout=BUILD_TIMEOUT, check=False)
    except subprocess.TimeoutExpired:
        raise Unavailable(f"{command[0]} did not finish within {BUILD_TIMEOUT} s") from None
    if done.returncode != 0:
        words = (done.stdout + done.stderr).strip().splitlines()
        raise Unavailable(f"{command[0]} failed: " + " / ".join(words[-4:])[-400:])


def _need(*tools):
    for tool in tools:
        if not shutil.which(tool):
            raise Unavailable(f"'{tool}' is not installed")


class Client:
    """One client in one version. `can` names what beyond produce and consume its library offers."""

    name = ""
    version = ""
    can = frozenset()

    def __init__(self):
        self.home = CACHE / f"{self.name}-{self.version}"

    def prepare(self):
        """Builds when the sources or the version changed since the last build; raises Unavailable."""
        digest = hashlib.sha256(self.version.encode())
        for path in sorted(self.sources()):
            digest.update(path.read_bytes())
        stamp = self.home / "built"
        if stamp.exists() and stamp.read_text() == digest.hexdigest():
            return
        self.home.mkdir(parents=True, exist_ok=True)
        self.build()
        stamp.write_text(digest.hexdigest())

    def command(self, scenario, options, runtime=()):
        """`options` maps names to values (True: a bare switch); `runtime` goes to the language's runtime."""
        words = [*self.launcher(runtime), scenario]
        for name, value in options.items():
            if value is None or value is False:
                continue
            words.append("--" + name.replace("_", "-"))
            if value is not True:
                words.append(str(value))
        return words

    def environment(self):
        return {}

    def sources(self):
        raise NotImplementedError

    def build(self):
        raise NotImplementedError

    def launcher(self, runtime):
        raise NotImplementedError


class Java(Client):
    can = frozenset({"oneway", "batch", "auto-create", "orderly", "pull", "lite-pull", "offsets", "create-topic",
                     "query", "transaction", "request", "tls", "oversize", "hold", "relays", "sql"})

    def __init__(self, version):
        self.version = version
        self.name = f"java{version[0]}"
        if self.name != "java4":
            self.can = self.can | {"boundary", "timed"}
        super().__init__()

    def sources(self):
        folder = HERE / "java"
        return [folder / "pom.xml", *(folder / "src").rglob("*.java")]

    def build(self):
        _need("java", "mvn")
        shutil.rmtree(self.home / "classes", ignore_errors=True)
        _run(["mvn", "-q", "-B", "-f", HERE / "java" / "pom.xml", "compile", "dependency:copy-dependencies",
              f"-Drocketmq.version={self.version}", f"-Dgeneration=v{self.version[0]}", f"-Doutdir={self.home}",
              f"-DoutputDirectory={self.home / 'lib'}", "-DincludeScope=runtime"])

    def launcher(self, runtime):
        # The JVM flags only make short runs start quickly; the client itself keeps its defaults.
        home = CACHE / "home"
        home.mkdir(parents=True, exist_ok=True)
        return ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx512m", f"-Duser.home={home}", *runtime,
                "-cp", f"{self.home / 'classes'}:{self.home / 'lib'}/*", "interop.Runner"]


class Go(Client):
    name = "go"
    version = "2.1.2"
    can = frozenset({"oneway", "batch", "auto-create", "orderly", "pull", "create-topic", "transaction", "request",
                     "oversize", "relays"})

    def sources(self):
        return [*(HERE / "go").glob("*.go"), HERE / "go" / "go.mod", HERE / "go" / "go.sum"]

    def build(self):
        _need("go")
        _run(["go", "build", "-o", self.home / "runner", "."], cwd=HERE / "go")

    def launcher(self, runtime):
        return [self.home / "runner"]


class Node(Client):
    name = "node"
    version = "3.12.0"
    can = frozenset({"oversize"})

    def sources(self):
        return [HERE / "node" / "package.json"]

    def build(self):
        _need("node", "npm")
        shutil.copy(HERE / "node" / "package.json", self.home)
        _run(["npm", "install", "--no-audit", "--no-fund", "--omit=dev"], cwd=self.home)

    def environment(self):
        return {"NODE_PATH": str(self.home / "node_modules")}

    def launcher(self, runtime):
        return ["node", *runtime, HERE / "node" / "runner.js"]


def all_clients():
    return [Java("5.3.3"), Java("4.9.8"), Go(), Node()]
