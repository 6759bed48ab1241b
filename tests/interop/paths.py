"""Where things are: the source tree, the cache of built clients, free ports."""

import os
import pathlib
import socket

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CACHE = pathlib.Path(os.environ.get("GANTRY_INTEROP_CACHE", ROOT / "build" / "interop"))


def free_port(below=None):
    """A port that nobody listens on; with `below`, so are the ports that many beneath it."""
    for _ in range(100):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        if all(_is_free(port - step) for step in range(1, (below or 0) + 1)):
            return port
    raise OSError("found no free port in 100 attempts")


def _is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
