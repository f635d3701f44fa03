# Mounts and cgroups name the container's id and paths of the engine (a rootless one's are in a home); that is accepted. Success is
# anything else of the host.
import os
import re

PLAIN = re.compile(r"[0-9a-f]{12,64}|/\S*/docker/\S*|/docker|overlay|/dev/\w+|(lower|upper|work)dir=\S*")
SECRET = re.compile(r"/home|/root\b|/Users|/mnt|/srv|passw|token|secret|:/[\w/]+ .* nfs|cifs|9p|virtiofs|fuse", re.I)


def answer():
    found = []
    for name in ("mountinfo", "mounts", "mountstats", "cgroup", "cpuset"):
        with open(f"/proc/self/{name}") as file:
            found += [line for line in file if SECRET.search(PLAIN.sub("", line))]
    ids = {name: os.readlink(f"/proc/self/ns/{name}") for name in os.listdir("/proc/self/ns")}
    print(found, ids)
    return 42 if found else 41
