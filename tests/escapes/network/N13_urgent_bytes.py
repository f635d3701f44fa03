# MSG_OOB between its own sockets: a corner of the kernel with a history of holes that nobody needs. Success is no refusal.
import socket

OOB = socket.MSG_OOB


def answer():
    done = []
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        one, other = socket.socketpair(socket.AF_UNIX, kind)
        other.setblocking(False)
        for name, attempt in (("send", lambda: one.send(b"x", OOB)), ("sendmsg", lambda: one.sendmsg([b"x"], [], OOB)),
                              ("recv", lambda: other.recv(1, OOB)), ("recvmsg", lambda: other.recvmsg(1, 0, OOB))):
            try:
                attempt()
                done.append((kind, name))
            except OSError as error:
                if error.errno not in (1, 13):
                    done.append((kind, name, error.errno))
    print(done)
    return 42 if done else 41
