"""Send and receive bytes over the raw attach socket of a container, in Docker's frames.

The reader is bounded and our own, because docker-py's streams have no timeouts and no caps.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from typing import Any

from sandbox.errors import BoxLost, BoxSilent

_HEADER = struct.Struct(">BxxxL")
_STDOUT = 1
_MAX_STDERR = 8 << 10


class DockerStream:
    """The attach stream of one container.

    It sends bytes, receives standard output, and keeps a little of standard error for messages.
    """

    def __init__(self, holder: Any, container: str) -> None:
        self._holder, self._container = holder, container
        self._socket: socket.socket = getattr(holder, "_sock", holder)
        self._raw = bytearray()
        self._stderr = bytearray()

    def send(self, data: bytes, deadline: float) -> None:
        """Write everything before `deadline` (monotonic seconds); raises BoxLost."""
        try:
            self._socket.settimeout(max(0.001, deadline - time.monotonic()))
            self._socket.sendall(data)
        except OSError as error:
            raise BoxLost(self._message(f"cannot be written to: {error}")) from error

    def receive(self, deadline: float) -> bytes:
        """Return what has come on standard output, at least one byte; raises BoxLost at its end or after `deadline`."""
        while True:
            while (part := self._next_part()) is not None:
                stream, content = part
                if stream == _STDOUT and content:
                    return content
                self._stderr = (self._stderr + content)[-_MAX_STDERR:]
            left = deadline - time.monotonic()
            if left <= 0:
                raise BoxSilent(self._message("does not answer in time"))
            try:
                self._socket.settimeout(left)
                data = self._socket.recv(1 << 18)
            except TimeoutError:
                raise BoxSilent(self._message("does not answer in time")) from None
            except OSError as error:
                raise BoxLost(self._message(f"cannot be read: {error}")) from error
            if not data:
                raise BoxLost(self._message("has ended"))
            self._raw += data

    def fileno(self) -> int:
        """Return the descriptor to wait on."""
        return self._socket.fileno()

    def receive_available(self) -> bytes:
        """Return what has come on standard output, without waiting; raises BoxLost at its end."""
        try:
            self._socket.settimeout(0.0)
            data = self._socket.recv(1 << 18)
        except BlockingIOError:
            data = None
        except OSError as error:
            raise BoxLost(self._message(f"cannot be read: {error}")) from error
        if data is not None:
            self._raw += data
        content = bytearray()
        while (part := self._next_part()) is not None:
            if part[0] == _STDOUT:
                content += part[1]
            else:
                self._stderr = (self._stderr + part[1])[-_MAX_STDERR:]
        if data == b"" and not content:
            raise BoxLost(self._message("has ended"))
        return bytes(content)

    def send_available(self, data: bytes) -> int:
        """Write what fits, without waiting; return how many bytes that were. Raises BoxLost."""
        try:
            self._socket.settimeout(0.0)
            return self._socket.send(data)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise BoxLost(self._message(f"cannot be written to: {error}")) from error

    def _next_part(self) -> tuple[int, bytes] | None:
        if len(self._raw) < _HEADER.size:
            return None
        stream, size = _HEADER.unpack_from(self._raw)
        end = _HEADER.size + size
        if len(self._raw) < end:
            return None
        content = bytes(self._raw[_HEADER.size : end])
        del self._raw[:end]
        return stream, content

    def _message(self, what: str) -> str:
        lines = self._stderr.decode("utf-8", "replace").strip().splitlines()
        return f"box {self._container[:12]} {what}" + (f"; it said: {lines[-1][:300]}" if lines else "")

    def shutdown(self) -> None:
        """End the stream; a thread that waits in `receive` gets BoxLost. Safe to call from any thread."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Shut down and close the stream. Call it only from the reading thread, or after that has ended."""
        self.shutdown()
        for end in (self._socket, self._holder, getattr(self._holder, "_response", None)):
            with contextlib.suppress(OSError, ValueError):  # urllib3 minds a socket that is closed already
                if end is not None:
                    end.close()
