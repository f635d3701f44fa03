# Leaves what blocks whoever opens it where files are expected: sockets, and named pipes if they can be made.
import os
import socket

for number, name in enumerate(("out.txt", "result.json", "d", "e")):
    one = socket.socket(socket.AF_UNIX)
    one.bind(f"/tmp/{name}")
    one.listen()
    one.detach()
    os.mkdir(f"/dev/shm/{name}.d")
    for path in (f"/tmp/{name}.fifo", f"/dev/shm/{name}.d/fifo"):
        try:
            os.mkfifo(path)
        except OSError:
            open(path, "w").close()
os._exit(0)
