"""A TCP relay that keeps every frame it passes on, in both directions, byte for byte.

Nothing is rewritten. The trick that keeps clients behind it: the broker listens on 127.0.0.1 but advertises
127.0.0.2, where the relay listens on the same port, so the route's own answer leads clients to the relay.
"""

import socket
import threading

from wire import Cutter


class Exchange:
    """One frame as it passed: `upstream` is true when the client sent it."""

    def __init__(self, connection, upstream, frame):
        self.connection = connection
        self.upstream = upstream
        self.frame = frame


class RecordingProxy:
    BACKLOG = 128

    def __init__(self, listen, target):
        self._target = target
        self._lock = threading.Lock()
        self._exchanges = []
        self._connections = 0
        self._listener = socket.create_server(listen, backlog=self.BACKLOG)
        self.address = "%s:%d" % self._listener.getsockname()
        threading.Thread(target=self._accept, daemon=True).start()

    def take(self):
        """Everything recorded since the last call, in the order it passed."""
        with self._lock:
            taken, self._exchanges = self._exchanges, []
        return taken

    def saw(self, code):
        with self._lock:
            return any(exchange.upstream and exchange.frame.code == code for exchange in self._exchanges)

    def close(self):
        self._listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self._target, timeout=5)
                server.settimeout(None)
            except OSError:
                client.close()
                continue
            self._connections += 1
            for source, sink, upstream in ((client, server, True), (server, client, False)):
                threading.Thread(target=self._relay, args=(self._connections, source, sink, upstream),
                                 daemon=True).start()

    def _relay(self, connection, source, sink, upstream):
        cutter = Cutter()
        try:
            while True:
                chunk = source.recv(1 << 18)
                if not chunk:
                    break
                frames = cutter.feed(chunk)
                with self._lock:
                    # Kept before it is passed on, so that a request always precedes its answer.
                    self._exchanges += [Exchange(connection, upstream, frame) for frame in frames]
                sink.sendall(chunk)
        except OSError:
            pass
        finally:
            for end in (source, sink):
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
