# Text that is no text, a name that is no name, and a line number from nowhere.
class Text(str):
    def __getitem__(self, key):
        return self

    def __str__(self):
        return self

    def encode(self, *arguments):
        return 42


class Names(type):
    __name__ = property(lambda self: Text("AssertionError" * 1000))


class Odd(Exception, metaclass=Names):
    lineno = 10 ** 5000

    def __str__(self):
        return Text("x" * 100_000)

    def __repr__(self):
        raise self


def answer():
    raise Odd
