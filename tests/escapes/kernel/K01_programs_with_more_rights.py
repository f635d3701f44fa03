# Any file that gives who runs it more than he has: setuid, setgid, capabilities. Or a program that would help: su, mount, a shell.
import os
import stat

HELPERS = {"su", "sudo", "mount", "umount", "newgrp", "passwd", "gpasswd", "chsh", "chfn", "sh", "bash", "dash", "perl", "gcc", "cc",
           "curl", "wget", "apt", "dpkg", "busybox", "gdb", "strace", "unshare", "nsenter", "newuidmap", "pip", "ld", "as"}


def answer():
    found = []
    for directory, names, files in os.walk("/"):
        names[:] = [name for name in names if os.path.join(directory, name) not in ("/proc", "/sys")]
        for name in files:
            path = os.path.join(directory, name)
            mode = os.lstat(path).st_mode
            if stat.S_ISREG(mode) and mode & 0o6000 or directory.endswith("bin") and name in HELPERS:
                found.append(path)
            if stat.S_ISREG(mode) and mode & 0o111:
                try:
                    found.append((path, os.getxattr(path, "security.capability")))
                except OSError:
                    pass
    print(found)
    return 42 if found else 41
