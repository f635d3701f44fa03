# Files that may hold something of the host: users, names, addresses, a machine's identity. Success is a line of such.
import os
import re


def lines(path):
    try:
        with open(path, errors="replace") as file:
            return [line for line in file.read().splitlines() if line and not line.startswith("#")]
    except OSError:
        return []


def answer():
    found = [line for line in lines("/etc/passwd") if not line.startswith(("root:x:0:", "box:x:"))]
    found += [line for line in lines("/etc/group") if not line.startswith(("root:x:0:", "box:x:"))]
    found += [line for line in lines("/etc/hosts") if not re.match(r"(127|::1|f[ef]0)", line)]
    found += [line for line in lines("/etc/hostname") if line != "box"]
    for path in ("/etc/resolv.conf", "/etc/machine-id", "/etc/shadow", "/var/lib/dbus/machine-id", "/etc/krb5.conf",
                 "/sys/class/dmi/id/product_uuid", "/sys/class/dmi/id/product_serial", "/etc/apt/auth.conf",
                 "/root/.bash_history", "/proc/kcore", "/proc/keys", "/proc/kmsg", "/proc/cmdline", "/proc/config.gz", "/proc/modules",
                 "/proc/interrupts", "/proc/partitions", "/proc/diskstats", "/proc/timer_list", "/proc/sched_debug",
                 "/sys/kernel/notes", "/sys/class/dmi/id/product_name", "/sys/class/dmi/id/sys_vendor",
                 "/sys/firmware/acpi/tables/DSDT", "/sys/devices/virtual/powercap/intel-rapl/enabled"):
        found += lines(path)
    found += [name for name in ("/sys/module", "/sys/block", "/sys/kernel/debug") if os.path.isdir(name) and os.listdir(name)]
    print(found)
    return 42 if found else 41
