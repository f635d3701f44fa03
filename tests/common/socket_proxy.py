"""A Unix socket that leads to another one: a Docker engine that a machine loses, or whose disk is full."""

import contextlib
import os
import re
import socket
import threading
from urllib.parse import urlsplit

CREATION = re.compile(rb"POST \S*/containers/create")
WORDS = b'{"message": "write /var/lib/docker/overlay2/link: no space left on device"}'
REFUSAL = (
    b"HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(WORDS), WORDS)
)


def engine_socket() -> str:
    """Return the path of the engine's socket."""
    return urlsplit(os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")).path


class SocketProxy:
    """Forwards connections at `path` to `target` until it is cut; `mend` lets them in again.

    While it is `full`, it refuses to create containers, in the words of an engine whose disk is full.
    """

    def __init__(self, path: str, target: str) -> None:
        self.path, self._target, self.full = path, target, False
        self._lock, self._open = threading.Lock(), set[socket.socket]()
        self._listening: socket.socket | None = None
        self.mend()

    def mend(self) -> None:
        """Listen."""
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(self.path)
        self._listening.listen(64)
        threading.Thread(target=self._accept, args=(self._listening,), daemon=True).start()

    def cut(self) -> None:
        """Stop listening, and end every connection."""
        os.unlink(self.path)
        with self._lock:
            ended, self._open = [self._listening, *self._open], set()
        for one in ended:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self, listening: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = listening.accept()
                far = socket.socket(socket.AF_UNIX)
                far.connect(self._target)
                with self._lock:
                    self._open |= {near, far}
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._forward, args=(source, sink), daemon=True).start()

    def _forward(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(1 << 16):
                if self.full and CREATION.match(piece):
                    source.sendall(REFUSAL)
                    while source.recv(1 << 16):  # the rest of the request: its client reads the answer first
                        pass
                    break
                sink.sendall(piece)
            sink.shutdown(socket.SHUT_WR)
