# L02, F14: what a program may know of itself and of where it is: its status, its memory, its user, its machine.
import getpass
import inspect
import os
import platform
import pwd
import resource
import socket
import sys


def answer():
    with open("/proc/self/status") as status, open("/proc/self/maps") as maps, open("/proc/meminfo") as memory:
        seen = ["VmRSS" in status.read(), "[stack]" in maps.read(), "MemTotal" in memory.read()]
    with open("/proc/cpuinfo") as cpus, open("/proc/stat") as total, open("/etc/os-release") as release:
        seen += ["processor" in cpus.read(), total.read(3) == "cpu", "ID=" in release.read()]
    seen += [platform.system() == "Linux", socket.gethostname() == "box", os.path.expanduser("~") == "/tmp", os.access("/", os.R_OK)]
    seen += [resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > 1000, sys.executable.endswith("python"), platform.python_version() > "3"]
    seen += [pwd.getpwuid(0).pw_name == "root", "def answer" in inspect.getsource(answer), os.sysconf("SC_NPROCESSORS_ONLN") >= 1]
    try:
        getpass.getuser()
    except (KeyError, OSError):  # nobody has a name here
        seen.append(True)
    return 42 if all(seen) else seen
