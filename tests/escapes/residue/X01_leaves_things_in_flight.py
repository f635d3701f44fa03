# A socket that carries itself keeps what it carries alive after every process is dead: a name, a terminal, a full disk.
import array
import os
import socket
import tty


def send(fds):
    for end in ring:
        end.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))])


ring = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
named = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
named.bind("\0left by the last one")
master, slave = os.openpty()
tty.setraw(slave)
os.fchmod(slave, 0o666)
os.write(master, b"left by the last one")
big = os.open("/tmp/big", os.O_CREAT | os.O_WRONLY)
try:
    while True:
        os.write(big, b"x" * (1 << 20))
except OSError:
    os.unlink("/tmp/big")
send([ring[0].fileno(), ring[1].fileno(), named.fileno(), master, slave, big])
os._exit(0)
