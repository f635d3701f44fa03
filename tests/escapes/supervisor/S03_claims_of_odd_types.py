# Speaks the candidate's own protocol to the host, with values of kinds that nobody expects.
import os
import struct

size = struct.Struct(">I").pack


def text(content):
    return b"S" + size(len(content)) + content


def claim(**fields):
    parts = b"".join(text(name.encode()) + value for name, value in fields.items())
    payload = b"M" + size(len(fields)) + parts
    os.write(3, size(len(payload)) + payload)


odd = [b"L" + size(0), b"M" + size(0), b"N", b"T", b"D" + b"\x7f\xf8" + bytes(6), b"B" + size(1) + b"x",
       b"I" + size(3999) + b"9" * 3999, text(b"\xed\xa0\x80")]
for value in odd:
    claim(proof=value)
    claim(call=value, value=value, raised=value)
    claim(stage=value, type=value, message=value, line=value)
    claim(stage=text(b"tests"), type=text(b"x"), message=value, line=value)
os._exit(0)
