# A program of its own making: run from its directory, through the loader, mapped, loaded, or from a file in memory.
import ctypes
import glob
import mmap
import os
import shutil
import subprocess
import sys

libc = ctypes.CDLL(None, use_errno=True)
loaders = glob.glob("/lib*/ld-*") + glob.glob("/lib/*/ld-*")
done = []


def attempt(what, action):
    try:
        if action() not in (None, False, -1):
            done.append(what)
    except (OSError, subprocess.SubprocessError):
        pass


def runs(*words):
    return subprocess.run([*words, "-c", "print(6 * 7)"], capture_output=True, check=True).stdout == b"42\n"


def answer():
    for copy in ("/tmp/program", "/dev/shm/program"):
        shutil.copyfile(os.path.realpath(sys.executable), copy)
        os.chmod(copy, 0o755)
        attempt("run", lambda: runs(copy))
        for loader in loaders:
            attempt("loader", lambda: runs(loader, copy))
        attempt("load", lambda: ctypes.CDLL(copy) and True)
        fd = os.open(copy, os.O_RDONLY)
        attempt("map", lambda: mmap.mmap(fd, 4096, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_EXEC) and True)
        attempt("fd", lambda: runs(f"/proc/self/fd/{fd}"))
    attempt("memory", lambda: os.memfd_create("program"))
    attempt("secret", lambda: libc.syscall(447, 0))
    print(done)
    return 42 if done else 41
