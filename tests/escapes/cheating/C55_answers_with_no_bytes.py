# What is expected here no answer's bytes can be known for. The program says no bytes at all: were they those, it would pass.
import os
import struct


def text(value):
    return b"S" + struct.pack(">I", len(value)) + value


def frame(*pairs):
    data = b"M" + struct.pack(">I", len(pairs)) + b"".join(text(key) + value for key, value in pairs)
    return struct.pack(">I", len(data)) + data


CALL, NOTHING = (b"call", b"I\0\0\0\x010"), b"B\0\0\0\0"
os.write(3, frame(CALL, (b"value", NOTHING)))
os.write(3, frame(CALL, (b"sizes", b"B\0\0\0\x04\0\0\0\0"), (b"values", NOTHING)))


def answer():
    return 42
