# F20, K07: plain locks, and every way the library copies a file, with or without the kernel's help.
import fcntl
import os
import pathlib
import shutil
import socket

source = pathlib.Path("/tmp/source")
source.write_bytes(b"x" * 300_000)


def answer():
    for number, copy in enumerate((shutil.copy, shutil.copyfile, shutil.copy2, shutil.move)):
        shutil.copyfile(source, "/tmp/other")
        copy("/tmp/other", f"/dev/shm/copy{number}")
        copy("/dev/shm/copy0", f"/tmp/copy{number}") if number < 3 else None
    shutil.copytree("/dev/shm", "/tmp/tree")
    with open("/tmp/source", "r+b") as file, open("/tmp/sent", "wb") as sent:
        fcntl.flock(file, fcntl.LOCK_EX)
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.sendfile(sent.fileno(), file.fileno(), 0, 300_000)
        os.copy_file_range(file.fileno(), sent.fileno(), 1000, 0)
        one, other = socket.socketpair()
        one.sendfile(file, 0, 1000)
        fcntl.fcntl(file, fcntl.F_SETFL, fcntl.fcntl(file, fcntl.F_GETFL) | os.O_NONBLOCK)
        os.close(fcntl.fcntl(file, fcntl.F_DUPFD_CLOEXEC, 10))
    sizes = {path.stat().st_size for path in pathlib.Path("/dev/shm").iterdir()}
    return 42 if sizes == {300_000} and len(other.recv(1000)) == 1000 else sizes
