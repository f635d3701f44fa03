# The devices that are more than a null: memory, disks, virtual machines, terminals. Success is one that opens.
import os
import stat

NAMES = ("mem", "kmem", "port", "kvm", "fuse", "vda", "sda", "nvme0n1", "loop0", "loop-control", "console", "tty0", "tty1", "ttyS0", "kmsg",
         "net/tun", "vhost-net", "vhost-vsock", "vsock", "userfaultfd", "uinput", "input/event0", "dri/card0", "nvidia0", "rtc", "hpet",
         "cpu/0/msr", "mapper/control", "btrfs-control", "ptp0", "watchdog", "snapshot", "bus/usb/001/001", "autofs", "sgx_enclave",
         "dma_heap/system", "udmabuf", "ppp", "vfio/vfio", "tpm0", "nvram", "hwrng", "cuse", "binder", "ashmem", "mei0")
EXPECTED = {(1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (5, 2)}  # null zero full random urandom tty ptmx


def answer():
    found = []
    for name in NAMES:
        try:
            os.close(os.open(f"/dev/{name}", os.O_RDONLY | os.O_NONBLOCK))
            found.append(name)
        except OSError:
            pass
    for directory, _, names in os.walk("/dev"):
        for name in names:
            status = os.lstat(os.path.join(directory, name))
            if stat.S_ISBLK(status.st_mode):
                found.append(name)
            elif stat.S_ISCHR(status.st_mode) and (os.major(status.st_rdev), os.minor(status.st_rdev)) not in EXPECTED:
                found.append(name)
    print(found)
    return 42 if found else 41
