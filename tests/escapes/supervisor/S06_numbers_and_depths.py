# What breaks decoders, in the place of the first answer (as many calls are asked as claims are to be read): depth, numbers without end, double keys, names of a megabyte, odd floats.
import os
import struct

size = struct.Struct(">I").pack


def text(content):
    return b"S" + size(len(content)) + content


def claim(value):
    payload = b"M" + size(2) + text(b"call") + b"I" + size(1) + b"0" + text(b"value") + b"B" + size(len(value)) + value
    os.write(3, size(len(payload)) + payload)


number = b"I" + size(1) + b"*"
for value in (b"L" + size(1), b"U" + size(1), b"Q" + size(2) + b"N", b"M" + size(1) + b"N", b"E" + size(1)):
    claim(value * 5000 + number)
for value in (
    b"I" + size(1 << 19) + b"\x7f" * (1 << 19), b"I" + size(0), b"I" + size(2) + b"\0*" * 2, b"X" + size(4) + b"sNaN",
    b"M" + size(1) + text(b"k" * (1 << 20)) + number, b"M" + size(1) + (b"L" + size(0)) + number, b"!" + size(1 << 20) + b"n" * (1 << 20),
    b"R" + size(3) + number * 2 + b"I" + size(1) + b"\0", b"P" + size(2) + number + b"I" + size(1) + b"\0", b"G" + number * 3,
    text(b"\xff\xfe"), b"W" + size(4) + b"9999", b"J" + size(3) + (b"I" + size(9) + b"\x7f" * 9) * 3, b"#" + size(40) + bytes(40),
    b"Z" + size(0xFFFFFFFF), number * 1000, b"", b"\0", b"X" + size(7) + b"1E99999", b"C" + b"\x7f\xf8" * 8,
    b"M" + size(2) + (number + number) * 2, b"D" + b"\x80" + bytes(7), b"D" + b"\x7f\xf0" + bytes(6), b"D" + b"\x7f\xf4" + bytes(6),
):
    claim(value)


def answer(number):
    return 41
