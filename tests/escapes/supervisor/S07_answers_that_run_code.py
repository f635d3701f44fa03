# Objects whose every method runs code, lies or never ends: whoever touches them more than by their type is caught.
import itertools


class Endless:
    def __getattribute__(self, name):
        for _ in itertools.count():
            pass

    __iter__ = __len__ = __repr__ = __str__ = __hash__ = __eq__ = __bool__ = __reduce__ = __index__ = __float__ = __getattribute__


class Keys(dict):
    def items(self):
        return [(1, 42)] * 10**9

    keys = values = __iter__ = items


class Lies(type):
    __instancecheck__ = __subclasscheck__ = __eq__ = lambda *_: True
    __hash__ = type.__hash__
    __name__ = property(lambda _: 1 / 0)
    mro = lambda cls: [cls, *type.mro(cls)[1:]]


class Lied(metaclass=Lies):
    __class__ = property(lambda _: int)


def answer(number):
    return [Endless(), Keys(), Lied(), [Endless()] * 1000, {"a": Keys()}, (Lied(), Lied)][number]
