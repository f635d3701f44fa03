# TCP, UDP, ICMP, raw sockets and a name to look up. Success is a socket, an address or a connection.
import socket

HOSTS = ("1.1.1.1", "8.8.8.8", "example.org", "pypi.org", "2606:4700:4700::1111")


def answer():
    got = []
    for family in (socket.AF_INET, socket.AF_INET6):
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_SEQPACKET):
            for protocol in (0, socket.IPPROTO_ICMP, 58, 132, 136, 262):
                try:
                    got.append(socket.socket(family, kind, protocol))
                except OSError as error:
                    if error.errno not in (1, 13):
                        got.append((family, kind, protocol, error.errno))
    for host in HOSTS:
        for find in (lambda: socket.create_connection((host, 443), 0.2), lambda: socket.gethostbyname(host + ".")):
            try:
                found = find()
                if found != host:
                    got.append(found)
            except OSError:
                pass
    print(got)
    return 42 if got else 41
