# Hands its pipes to a daemon that is to outlive it, which would give them to the next one; N10_hears_from_the_daemon asks it.
import array
import os
import socket

PIPES = array.array("i", [0, 1, 2, 3, 4])
listening = socket.socket(socket.AF_UNIX)
listening.bind("\0daemon")
listening.listen()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        while True:
            try:
                listening.accept()[0].sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, PIPES)])
            except OSError:
                pass
    os._exit(0)
os.wait()
one = socket.socket(socket.AF_UNIX)
one.connect("\0daemon")
pair = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
for end in pair:  # a ring that carries itself, and the daemon's ear with it
    end.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [pair[0].fileno(), pair[1].fileno(), listening.fileno()]))])
os._exit(0)
