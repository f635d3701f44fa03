# F09, X12: everything that one may do to one's own files, from one directory to another, by name and by descriptor.
import os
import pathlib
import tempfile


def answer():
    done = []
    with tempfile.TemporaryDirectory() as home:
        a, b = pathlib.Path(home, "a"), pathlib.Path(home, "b")
        a.mkdir()
        b.mkdir()
        (a / "x").write_text("1")
        (a / "x").rename(b / "y")
        os.link(b / "y", a / "z")
        os.symlink("../b/y", a / "link")
        os.replace(a / "z", home + "/w")
        os.rename(b, a / "b")
        done += [(a / "b" / "y").read_text() == "1", os.path.realpath(a / "link") == f"{home}/b/y", os.stat(home + "/w").st_nlink == 2]
        os.truncate(home + "/w", 0)
        os.chmod(home + "/w", 0o600)
        os.chown(home + "/w", os.getuid(), os.getgid())
        os.utime(home + "/w", (1, 2))
        done.append(os.stat(home + "/w").st_mtime == 2)
    with tempfile.TemporaryFile() as hidden, open(os.devnull, "w") as null, open("/dev/shm/x", "w+b") as other:
        hidden.write(b"kept")
        null.write("gone")
        hidden.flush()
        with open(f"/proc/self/fd/{hidden.fileno()}", "r+b") as again:
            again.seek(0, 2)
            again.write(b" on")
        hidden.seek(0)
        other.write(hidden.read())
        done.append(os.pread(other.fileno(), 0, 0) == b"" and other.tell() == 7)
    with open("/dev/stdout", "w") as out, tempfile.NamedTemporaryFile(dir="/dev/shm") as named:
        out.write("by name\n")
        done.append(named.name.startswith("/dev/shm"))
    return 42 if all(done) else done
