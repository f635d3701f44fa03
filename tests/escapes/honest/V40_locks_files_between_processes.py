"""Databases, and children that take turns by record locks: each adds to a number in a file."""

import fcntl
import os
import shelve
import sqlite3
import tempfile


def add(path, times):
    for _ in range(times):
        with open(path, "r+") as file:
            fcntl.lockf(file, fcntl.LOCK_EX)
            value = int(file.read() or 0) + 1
            file.seek(0)
            file.write(str(value))


def answer():
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/number"
        open(path, "w").close()
        children = []
        for _ in range(4):
            children.append(os.fork())
            if children[-1] == 0:
                add(path, 50)
                os._exit(0)
        for child in children:
            os.waitpid(child, 0)
        with sqlite3.connect(f"{folder}/base") as base:
            base.execute("create table t (x)")
            base.executemany("insert into t values (?)", [(number,) for number in range(100)])
        with shelve.open(f"{folder}/shelf") as shelf:
            shelf["x"] = base.execute("select count(*) from t").fetchone()[0]
        with shelve.open(f"{folder}/shelf") as shelf:
            counted = shelf["x"]
        base.close()
        with open(path) as file:
            return 42 if (file.read(), counted) == ("200", 100) else 41
