# The first, right answer is sent again: for the second call, before it is asked, and for a call that does not exist.
import sys
def answer(item):
    if item == 1:
        ours = sys._getframe(1).f_globals
        codec, wire = ours["codec"], ours["wire"]
        for call in (0, 0, 1, 99):
            wire.write_frame(3, wire.encode({"call": call, "value": codec.encode(1), "arguments": b""}))
    return item
