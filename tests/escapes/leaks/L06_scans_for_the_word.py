# Runs after L06_hides_a_word_in_memory: its own memory, as it got it and as the kernel gives more. Success is the word.
import ctypes
import mmap
import re

NEEDLE = re.compile(b"quinc[e]-of-the-[l]ast-one\\d")


def answer():
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    found = 0
    for _ in range(64):
        at = libc.malloc(1 << 16)
        found += len(NEEDLE.findall(ctypes.string_at(at, 1 << 16)))
    found += len(NEEDLE.findall(mmap.mmap(-1, 64 << 20)))
    with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", 0) as memory:
        for line in maps:
            begin, end = (int(part, 16) for part in line.split()[0].split("-"))
            if " rw" in line and "[v" not in line and end - begin < 64 << 20:
                memory.seek(begin)
                found += len(NEEDLE.findall(memory.read(end - begin)))
    print(found)
    return 42 if found else 41
