# Runs after N10_hands_descriptors_to_a_daemon. If the daemon still answers, this passes.
import socket


def answer():
    one = socket.socket(socket.AF_UNIX)
    one.settimeout(0.5)
    try:
        one.connect("\0daemon")
        return 42
    except OSError:
        with open("/proc/net/unix") as file:
            return 42 if "daemon" in file.read() else 41
