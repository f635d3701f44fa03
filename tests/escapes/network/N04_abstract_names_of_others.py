# Names of the host's or another box's sockets, abstract or in files, and paths that services have. Success is a connection.
import os
import socket

NAMES = ("/tmp/.X11-unix/X0", "/run/systemd/private", "/run/dbus/system_bus_socket", "/containerd-shim", "/tmp/dbus-1", "docker",
         "/com/ubuntu/upstart", "/org/kernel/udev/monitor", "ISCSIADM_ABSTRACT_NAMESPACE", "/var/run/docker.sock")


def answer():
    seen = []
    with open("/proc/net/unix") as file:
        seen += [line.split()[-1] for line in file if "@" in line or "/" in line]
    for name in NAMES:
        for address in ("\0" + name, name):
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
                with socket.socket(socket.AF_UNIX, kind) as one:
                    try:
                        one.connect(address)
                        seen.append(address)
                    except OSError:
                        pass
    print(seen)
    return 42 if seen else 41
