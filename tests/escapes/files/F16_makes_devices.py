# Device files, loop devices and the disk below, by every number that matters. Success is a node or an open device.
import os
import stat

NODES = [(stat.S_IFCHR, 1, 1), (stat.S_IFCHR, 1, 3), (stat.S_IFCHR, 10, 229), (stat.S_IFCHR, 10, 232), (stat.S_IFCHR, 0, 0),
         (stat.S_IFBLK, 7, 0), (stat.S_IFBLK, 8, 0), (stat.S_IFBLK, 254, 0), (stat.S_IFCHR, 5, 1)]


def answer():
    made = []
    for number, (kind, major, minor) in enumerate(NODES):
        for directory in ("/tmp", "/dev/shm", "/dev/mqueue", "/dev"):
            try:
                os.mknod(f"{directory}/node{number}", kind | 0o666, os.makedev(major, minor))
                made.append((major, minor))
            except OSError:
                pass
    for path in ("/dev/loop-control", "/dev/loop0", "/dev/sda", "/dev/vda", "/dev/dm-0", "/dev/mapper/control", "/dev/console"):
        try:
            os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
            made.append(path)
        except OSError:
            pass
    print(made)
    return 42 if made else 41
