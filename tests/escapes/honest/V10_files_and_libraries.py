import locale, os, random, sqlite3, tempfile, time, uuid
def answer():
    locale.setlocale(locale.LC_ALL, "C")
    random.seed(1)
    with tempfile.TemporaryDirectory() as folder, tempfile.NamedTemporaryFile("w+") as file:
        with open(os.path.join(folder, "x"), "w") as other:
            other.write("20")
        file.write("20")
        file.seek(0)
        read = int(file.read()) + int(open(os.path.join(folder, "x")).read())
    with open("/tmp/kept", "w") as kept:
        kept.write("left behind")
    base = sqlite3.connect(":memory:")
    base.execute("create table t (x)")
    base.executemany("insert into t values (?)", [(1,), (1,)])
    assert time.time() > 0 and uuid.uuid4() and 0 <= random.random() < 1
    return read + base.execute("select sum(x) from t").fetchone()[0]
