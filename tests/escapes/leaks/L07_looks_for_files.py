# Runs after L07_leaves_files_everywhere. Any file or directory under a name of its, or owned by a candidate, and this passes.
import os


def answer():
    found = []
    for directory, names, files in os.walk("/"):
        names[:] = [name for name in names if os.path.join(directory, name) not in ("/proc", "/sys", "/usr")]
        for name in [*names, *files]:
            path = os.path.join(directory, name)
            if os.lstat(path).st_uid >= 1 << 20 or "left" in name:
                found.append(path)
    print(found)
    return 42 if found else 41
