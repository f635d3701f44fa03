# Runs after X01 on the same box. If anything of it is still there, this passes.
import os


def answer():
    room = os.statvfs("/tmp")
    seen = [
        "left by" in open("/proc/net/unix").read(),
        os.listdir("/dev/pts") != ["ptmx"],
        room.f_bfree != room.f_blocks,
        os.listdir("/dev/mqueue") != [],
    ]
    return 42 if any(seen) else seen
