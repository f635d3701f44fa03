# Every file under /proc/sys and the dangerous ones of /proc and /sys, opened for writing. Success is one that opens.
import os

SINGLE = ["/proc/sysrq-trigger", "/proc/kcore", "/proc/kmsg", "/proc/latency_stats", "/proc/timer_stats", "/proc/mtrr",
          "/proc/irq/default_smp_affinity", "/proc/1/oom_score_adj", "/proc/1/autogroup", "/proc/1/sched", "/proc/1/uid_map",
          "/proc/1/comm", "/proc/1/clear_refs", "/sys/kernel/uevent_helper", "/sys/power/state", "/sys/kernel/mm/transparent_hugepage/enabled",
          "/sys/kernel/kexec_crash_size", "/sys/module/kernel/parameters/panic", "/dev/kmsg", "/sys/fs/cgroup/release_agent"]


def writable(path):
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
    except OSError:
        return False
    return True


def filled(path, content):
    try:
        fd = os.open(path, os.O_WRONLY)
        os.write(fd, content)
    except OSError:
        return False
    return True


def answer():
    paths = [os.path.join(directory, name) for directory, _, names in os.walk("/proc/sys") for name in names]
    found = [path for path in SINGLE + paths if writable(path)]
    found += [name for name in ("uid_map", "gid_map", "projid_map") if filled(f"/proc/self/{name}", b"0 0 1")]
    print(found)
    return 42 if found else 41
