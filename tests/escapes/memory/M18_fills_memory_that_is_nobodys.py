# Has process 1 keep all that may be written, fills the box with memory of no process (pipes and sockets in flight, files whose
# names are as many and as long as there may be), and ends.
import array
import fcntl
import os
import socket

BOOKS = "/sys/fs/cgroup/memory"
OLD = os.path.exists(f"{BOOKS}/memory.usage_in_bytes")
USED, WALL = (f"{BOOKS}/memory.usage_in_bytes", f"{BOOKS}/memory.limit_in_bytes") if OLD else (f"{BOOKS}.current", f"{BOOKS}.max")
book = os.open(USED, os.O_RDONLY)
most = int(open(WALL).read()) - (200 << 10)


def say(fd, size):
    while size:
        size -= os.write(fd, bytes(min(size, 1 << 16)))


def room():
    return int(os.pread(book, 64, 0)) < most


def fill(fd):
    try:
        while room() and os.write(fd, bytes(1 << 14)):
            pass
    except OSError:
        pass


def send(*fds):
    for end in ring:
        try:
            return end.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))], socket.MSG_DONTWAIT)
        except OSError:
            continue
    return 0


say(1, (1 << 20) - 1)
say(2, (1 << 20) - 1)
say(3, (4 << 20) - 1)
LONG = "\U0001F600".encode() + b"\xff" * 240  # four bytes a character, once they are text
for directory in (b"/tmp", b"/dev/shm"):
    try:
        for number in range(2040):
            os.close(os.open(b"%s/%s%d" % (directory, LONG, number), os.O_CREAT | os.O_WRONLY))
    except OSError:
        pass
ring = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
send(ring[0].fileno(), ring[1].fileno())
while room():
    reading, writing = os.pipe2(os.O_NONBLOCK)
    try:
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 1 << 20)
    except OSError:
        break
    fill(writing)
    send(reading)
    os.close(reading)
    os.close(writing)
sent = 1
while sent and room():
    one, other = socket.socketpair()
    other.setblocking(False)
    other.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 22)
    fill(other.fileno())
    sent = send(one.fileno())
    one.close()
    other.close()
for directory in ("/tmp", "/dev/shm"):
    fill(os.open(f"{directory}/full", os.O_CREAT | os.O_WRONLY))
os._exit(0)
