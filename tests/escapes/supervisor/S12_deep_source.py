# Source that a compiler chokes on: nested, chained, long, made here so that this file stays small. Each may raise; none may crash us.
SOURCES = ("(" * 5000 + ")" * 5000, "-" * 100_000 + "1", "x" + ".a" * 100_000, "a=" * 20_000 + "1", "[" * 199, "lambda:" * 20_000 + "1",
           "if 1:\n" + "".join(" " * depth + "if 1:\n" for depth in range(1, 150)), "f'" + "{" * 500, "0x" + "f" * 2_000_000)


def attempt(source):
    try:
        compile(source, "x", "exec")
    except (SyntaxError, MemoryError, RecursionError, OverflowError, ValueError) as error:
        return type(error).__name__


def answer():
    print([attempt(source) for source in SOURCES])
    return 41
