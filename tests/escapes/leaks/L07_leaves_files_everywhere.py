# Writes a word wherever it can, in files with and without a name; L07_looks_for_files looks for it.
import os

for directory in ("/tmp", "/dev/shm", "/var/tmp", "/run", "/run/lock", "/dev", "/dev/mqueue", "/dev/pts", os.path.expanduser("~"), "/var/spool"):
    for name in ("left", ".left", "a/left"):
        try:
            os.makedirs(os.path.dirname(f"{directory}/{name}"), exist_ok=True)
            with open(f"{directory}/{name}", "w") as file:
                file.write("left by the last one")
        except OSError:
            pass
fd = os.open("/tmp", os.O_TMPFILE | os.O_RDWR, 0o600)
os.write(fd, b"left by the last one" * 1000)
os._exit(0)
