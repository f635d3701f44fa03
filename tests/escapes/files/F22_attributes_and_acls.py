# Extended attributes, which a small disk does not count. Success is one that stays.
import os

open("/tmp/file", "w").close()


def answer():
    kept = []
    for path in ("/tmp/file", "/tmp", "/etc/passwd", "/dev/null"):
        for name in ("user.x", "trusted.x", "security.x", "security.capability", "system.posix_acl_access"):
            try:
                os.setxattr(path, name, b"x" * 100)
                kept.append((path, name))
            except OSError:
                pass
    print(kept)
    return 42 if kept else 41
