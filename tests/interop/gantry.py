"""The broker under test: a Gantry process with a configuration and a directory of its own."""

import os
import shlex
import subprocess

from paths import ROOT, free_port
from process import Process

DEFAULT_COMMAND = str(ROOT / "build" / "dev" / "bin" / "gantry")


class Gantry:
    """`command` is what precedes `run --config FILE`. `roles` says which of the two it plays, `register_with` names the
    name servers of others that its broker registers with, `tls` is "permissive" or "enforcing", `store` is the plugin
    that keeps the messages. `data` is a store directory to open, `port` the broker's, which ids of its messages name;
    both are new when not given. `plugins` are those besides the store. `scripts` are the texts of Lua scripts by name,
    `extra` is text of the configuration that ends it: sections."""

    def __init__(self, folder, command=None, roles=("broker", "nameserver"), register_with=(), tls=None,
                 store="storage-mmap", port=None, data=None, scripts=None, extra="",
                 plugins=("filter-sql92", "delay", "txn")):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._command = shlex.split(command or os.environ.get("GANTRY_BROKER_CMD", DEFAULT_COMMAND))
        self.port = port or free_port(below=2)
        namesrv_port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.namesrv = f"127.0.0.1:{namesrv_port}"
        addresses = ", ".join(f'"{address}"' for address in register_with)
        self.config = folder / "gantry.toml"
        self.config.write_text(
            f'[broker]\nenabled = {_toml("broker" in roles)}\ndata = "{data or folder / "data"}"\n\n'
            f'[listen]\nhost = "127.0.0.1"\nport = {self.port}\nfast_port = {self.port - 2}\n'
            f'{_tls(folder, tls)}\n[nameserver]\nenabled = {_toml("nameserver" in roles)}\nport = {namesrv_port}\n'
            f'addresses = [{addresses}]\n\n'
            f'[plugins]\nload = [{", ".join(_quoted(name) for name in (store, *plugins))}]\n\n'
            + ('[plugins.txn]\ntimeout = "2s"\ncheck_interval = "5s"\n\n' if "txn" in plugins else "")
            + f'{_scripts(folder, scripts)}{extra}')
        self._starts = 0
        self.start()

    def start(self):
        self._starts += 1
        self.process = Process([*self._command, "run", "--config", self.config],
                               self.folder / f"gantry-{self._starts}.log", cwd=self.folder)
        self.process.wait_line("ready", 30)

    def stop(self):
        return self.process.stop(20)

    def kill(self):
        self.process.kill()


def _tls(folder, mode):
    """The lines that switch TLS on, with a certificate made on the spot: clients of RocketMQ do not check it."""
    if not mode:
        return ""
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
                    "/CN=127.0.0.1", "-keyout", key, "-out", cert], check=True, capture_output=True)
    return f'tls = "{mode}"\ntls_cert = "{cert}"\ntls_key = "{key}"\n'


def _quoted(text):
    return f'"{text}"'


def _scripts(folder, scripts):
    """The section that has the broker load those scripts, from a folder of their own."""
    if not scripts:
        return ""
    home = folder / "scripts"
    home.mkdir(exist_ok=True)
    for name, text in scripts.items():
        (home / f"{name}.lua").write_text(text)
    return f'\n[scripts]\ndir = "{home}"\npoll_interval = "50ms"\n'


def _toml(truth):
    return "true" if truth else "false"
