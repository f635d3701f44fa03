# Sends 42 as a pickle, as marshal, YAML, Python and as a bare number before its first answer, which is wrong; the others are right.
# Success is that somebody reads one of them. (No more than seven: what comes after too many claims is not read.)
import marshal
import os
import pickle
import struct

size = struct.Struct(">I").pack


class Runs:
    def __reduce__(self):
        return eval, ("42",)


def text(content):
    return b"S" + size(len(content)) + content


def data(content):
    return b"B" + size(len(content)) + content


def claim(value):
    payload = b"M" + size(2) + text(b"call") + b"I" + size(1) + b"0" + text(b"value") + value
    os.write(3, size(len(payload)) + payload)


for value in (data(pickle.dumps(42)), data(pickle.dumps(Runs(), 0)), data(marshal.dumps(42)), data(b"42"), text(b"42"),
              data(b"!!python/object/apply:eval ['42']"), b"I" + size(2) + b"42"):
    claim(value)


def answer(number):
    return 42 if number else 41
