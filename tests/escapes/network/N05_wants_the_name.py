# Runs after N05_keeps_a_name_for_itself. If anybody answers, or a name is taken, this passes.
import socket


def answer():
    found = []
    for name in ("\0service", "/tmp/service", "/dev/shm/service"):
        one, other = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
        try:
            one.connect(name)
            found.append(name)
        except OSError:
            pass
        try:
            other.bind(name)
            other.close()
        except OSError:
            found.append(name)
    return 42 if found else 41
