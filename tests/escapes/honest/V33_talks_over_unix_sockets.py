# N04, N10, N13: servers and clients of its own over AF_UNIX, descriptors handed over, each way to start a process.
import asyncio
import multiprocessing
import os
import socket
import socketserver
import threading
from multiprocessing.connection import Client, Listener


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(self.rfile.readline().upper())


async def serve():
    async def echo(reader, writer):
        writer.write(await reader.readline())
        writer.close()

    server = await asyncio.start_unix_server(echo, "/tmp/async")
    reader, writer = await asyncio.open_unix_connection("/tmp/async")
    writer.write(b"async\n")
    said = await reader.readline()
    server.close()
    return said


def answer():
    server = socketserver.UnixStreamServer("/tmp/server", Handler)
    threading.Thread(target=server.handle_request).start()
    one = socket.socket(socket.AF_UNIX)
    one.connect("/tmp/server")
    one.sendall(b"upper\n")
    said = [one.recv(10), asyncio.run(serve())]
    with Listener("/tmp/listener") as listener, Client("/tmp/listener") as client, listener.accept() as accepted:
        client.send({"a": 1})
        said.append(accepted.recv())
    left, right = socket.socketpair()
    socket.send_fds(left, [b"x"], [os.open("/dev/null", os.O_RDONLY)])
    said.append(len(socket.recv_fds(right, 1, 1)[1]))
    for method in ("spawn", "forkserver", "fork"):
        with multiprocessing.get_context(method).Pool(1) as pool:
            said.append(pool.apply(abs, (-1,)))
    return 42 if said == [b"UPPER\n", b"async\n", {"a": 1}, 1, 1, 1, 1] else said
