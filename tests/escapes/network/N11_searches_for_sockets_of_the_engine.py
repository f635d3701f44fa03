# A socket or a pipe of the engine's, or of anybody's, anywhere in the files. Success is one.
import os
import stat

KNOWN = ("/var/run/docker.sock", "/run/docker.sock", "/run/containerd/containerd.sock", "/run/podman/podman.sock", "/run/crio/crio.sock",
         "/var/run/secrets", "/run/secrets", "/run/snapd.socket", "/run/user", "/.dockerinit", "/run/host-services")


def answer():
    found = [path for path in KNOWN if os.path.lexists(path)]
    for directory, names, files in os.walk("/"):
        names[:] = [name for name in names if os.path.join(directory, name) not in ("/proc", "/sys")]
        for name in files:
            path = os.path.join(directory, name)
            mode = os.lstat(path).st_mode
            if stat.S_ISSOCK(mode) or stat.S_ISFIFO(mode) or stat.S_ISBLK(mode):
                found.append(path)
    print(found)
    return 42 if found else 41
