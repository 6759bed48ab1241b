"""What the scripts of this folder share: servers that are started, pinned, killed and looked at; loads; tables.

Nothing here knows what is measured. Python's standard library only; taskset (util-linux) pins.
"""
import ctypes
import json
import mmap
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import sys
import time


def say(*words):
    """Progress, for people who wait; figures go to standard output."""
    print(" ", *words, file=sys.stderr, flush=True)


def pinned(cores, command):
    return ["taskset", "-c", str(cores)] + [str(part) for part in command]


def urgent(command):
    """The command with a priority above ordinary processes, if we may: what measures must not wait for what burdens."""
    if not hasattr(urgent, "allowed"):
        urgent.allowed = shutil.which("chrt") is not None and subprocess.run(
            ["chrt", "-f", "10", "true"], capture_output=True).returncode == 0
    return ["chrt", "-f", "10"] + [str(part) for part in command] if urgent.allowed else command


class Awake:
    """Keeps cores from going to sleep while it is entered: a virtual machine's host may take many milliseconds to wake
    one, which would be measured as the server's latency. The loops run at idle priority: whoever else wants the core
    has it at once."""

    def __init__(self, *cores):
        self.cores, self.loops = [core for listed in cores for core in str(listed).split(",")], []

    def __enter__(self):
        if shutil.which("chrt") is None:
            say("chrt is missing: sleeping cores may add to the latencies")
            return self
        for core in self.cores:
            command = ["chrt", "-i", "0"] + pinned(core, ["sh", "-c", "while :; do :; done"])
            self.loops.append(subprocess.Popen(command))
        return self

    def __exit__(self, *_):
        for loop in self.loops:
            loop.kill()
            loop.wait()


def need_tools_and_cores():
    if shutil.which("taskset") is None:
        sys.exit("taskset is missing: install util-linux")
    if os.cpu_count() < 2:
        sys.exit("this needs two cores, one for the server and one for the load")


def need_free_bytes(folder, wanted):
    """Refuses to begin what would fill the disk: 2 GiB must remain."""
    free = shutil.disk_usage(folder).free
    if free < wanted + 2 * 2**30:
        sys.exit(f"{folder} has {free / 2**30:.1f} GiB free; this needs {wanted / 2**30:.1f} GiB and leaves 2 GiB")


def stop_process(process, seconds=120):
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGCONT)
    process.terminate()
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise SystemExit(f"{process.args} did not end within {seconds} s of SIGTERM")


def wait_for_line(process, log, wanted, seconds):
    """Until a line of the file `log`, which the process writes, contains `wanted`: that line."""
    deadline = time.monotonic() + seconds
    while True:
        ended = process.poll() is not None
        for line in log.read_text(errors="replace").splitlines():
            if wanted in line:
                return line.strip()
        if ended:
            raise SystemExit(f"{process.args} ended before it said '{wanted}':\n{log.read_text(errors='replace')[-2000:]}")
        if time.monotonic() > deadline:
            raise SystemExit(f"{process.args} did not say '{wanted}' within {seconds} s")
        time.sleep(0.002)


def read_fields(path):
    """"name: 12 kB" lines as bytes or counts."""
    fields = {}
    for line in pathlib.Path(path).read_text().splitlines():
        name, _, rest = line.partition(":")
        words = rest.split()
        if words and words[0].isdigit():
            fields[name] = int(words[0]) * (1024 if words[-1] == "kB" else 1)
    return fields


class Server:
    """Something that loads can be run against: it has a `build`, whose gantry is the load, and a `port`."""

    def load(self, cores, *words, first=False, check=True, seconds=3600):
        """Runs `gantry bench <words>` against it to its end; its report."""
        process = self.begin_load(cores, *words, first=first)
        return finish_load(process, check=check, seconds=seconds)

    def begin_load(self, cores, *words, first=False):
        command = [self.build / "bin/gantry", "bench", *words, "--broker", f"127.0.0.1:{self.port}", "--json"]
        command = [str(part) for part in command]
        command = pinned(cores, urgent(command) if first else command)
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


class Broker(Server):
    """A gantry of `build` with its files in `folder`. start() may be called again after stop() or kill()."""

    def __init__(self, build, folder, cores, name="gantry", shards=1, topics_max=200_000, store=None, broker=None,
                 level="info"):
        self.build, self.folder, self.cores, self.name = build, pathlib.Path(folder), cores, name
        self.store = self.folder / "store"
        self.process = None
        self.folder.mkdir(parents=True, exist_ok=True)
        lines = ["[broker]", f'data = "{self.store}"', *[f"{k} = {v}" for k, v in (broker or {}).items()],
                 "[listen]", "port = 0", "fast_port = -1",
                 "[nameserver]", "port = 0", "[threads]", f"shards = {shards}", "[log]", f'level = "{level}"',
                 "[limits]", f"topics_max = {topics_max}", "[plugins]", f'dir = ["{build}/plugins"]',
                 "[plugins.storage-mmap]", *[f"{key} = {value}" for key, value in (store or {}).items()]]
        self.config = self.folder / "gantry.toml"
        self.config.write_text("\n".join(lines) + "\n")

    def start(self, seconds=300):
        """Seconds from the start of the process to "ready"."""
        ports = self.folder / "ports.json"
        ports.unlink(missing_ok=True)
        self.log = self.folder / "gantry.log"
        with self.log.open("w") as log:
            began = time.monotonic()
            self.process = subprocess.Popen(
                pinned(self.cores, [self.build / "bin/gantry", "run", "--config", self.config, "--ports-file", ports]),
                stdout=log, stderr=subprocess.STDOUT)
        wait_for_line(self.process, self.log, "gantry ready:", seconds)
        took = time.monotonic() - began
        self.port = json.loads(ports.read_text())["broker"]
        return took

    def stop(self):
        """Orderly; the seconds it took."""
        began = time.monotonic()
        if self.process is not None:
            stop_process(self.process, 300)
        self.process = None
        return time.monotonic() - began

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process = None

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    @property
    def pid(self):
        return self.process.pid

    def cpu_seconds(self):
        words = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def usage(self):
        """What it holds now, in MiB and counts."""
        proc = pathlib.Path(f"/proc/{self.pid}")
        status = read_fields(proc / "status")
        rollup = read_fields(proc / "smaps_rollup")
        return {"rss_mib": status["VmRSS"] / 2**20, "anonymous_mib": rollup["Anonymous"] / 2**20,
                "pss_mib": rollup["Pss"] / 2**20, "open_files": len(os.listdir(proc / "fd")),
                "mappings": len((proc / "maps").read_text().splitlines())}

    def rss_bytes(self):
        status = read_fields(f"/proc/{self.pid}/status")
        return status["VmRSS"], status["RssAnon"]

    def read_bytes(self):
        """That came from the disk for it."""
        return read_fields(f"/proc/{self.pid}/io")["read_bytes"]

    def wait_idle(self, share=0.02, seconds=120):
        """Until it uses less than that share of a core over a second; the seconds that it took, or None."""
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            before = self.cpu_seconds()
            time.sleep(1)
            if self.cpu_seconds() - before <= share:
                return time.monotonic() - began - 1
        return None


def finish_load(process, check=True, seconds=3600):
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        raise SystemExit(f"{process.args} did not end within {seconds} s")
    report = json.loads(out) if out.strip() else {}
    report["exit_status"] = process.returncode
    if (check and process.returncode != 0) or not out.strip():
        raise SystemExit(f"{' '.join(process.args)} ended with {process.returncode}:\n{err}{out}")
    return report


# ---- Files in and out of memory ------------------------------------------------------------------------------------

def drop_cached(paths):
    """Asks the kernel to forget the pages of these files. Pages that somebody has mapped and used stay."""
    for path in paths:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fdatasync(handle)
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(handle)


def cached_bytes(paths):
    """How much of these files is in the page cache (mincore)."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_int64]
    libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    libc.mincore.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p]
    total = 0
    for path in paths:
        size = os.path.getsize(path)
        handle = os.open(path, os.O_RDONLY)
        try:
            at = libc.mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED, handle, 0)
            if at == ctypes.c_void_p(-1).value:
                raise OSError(ctypes.get_errno(), f"mapping {path}")
            flags = ctypes.create_string_buffer((size + mmap.PAGESIZE - 1) // mmap.PAGESIZE)
            libc.mincore(at, size, flags)
            libc.munmap(at, size)
            total += sum(byte & 1 for byte in flags.raw) * mmap.PAGESIZE
        finally:
            os.close(handle)
    return total


def tree_bytes(folder):
    """Blocks that the folder's files take on the disk."""
    return sum(os.lstat(os.path.join(root, name)).st_blocks * 512
               for root, _, names in os.walk(folder) for name in names)


# ---- Figures -------------------------------------------------------------------------------------------------------

def spread(values):
    """"median (least..most)" of some figures."""
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def shown(value):
    if isinstance(value, dict) and "median" in value:
        return f"{shown(value['median'])} ({shown(value['min'])}..{shown(value['max'])})"
    if isinstance(value, float):
        return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}" if abs(value) < 1 else f"{value:.2f}"
    return str(value)


def print_table(rows):
    """Dictionaries with the same keys, one a line."""
    if not rows:
        return
    names = list(rows[0])
    cells = [names] + [[shown(row.get(name, "")) for name in names] for row in rows]
    widths = [max(len(line[i]) for line in cells) for i in range(len(names))]
    for line in cells:
        print("  ".join(cell.rjust(width) if i else cell.ljust(width)
                        for i, (cell, width) in enumerate(zip(line, widths))).rstrip())


def print_report(report, as_json):
    """A report is {"title": ..., "facts": {...}, "rows": [...]}; a table of its rows and its facts below."""
    if as_json:
        print(json.dumps(report, indent=2))
        return
    print(report["title"])
    print_table(report["rows"])
    for name, value in report.get("facts", {}).items():
        print(f"{name}: {shown(value)}")
