# Names and messages that mean something to a terminal, a page, a table or a log; sandbox/sanitize.py is what makes them harmless.
import sys

TEXT = "\x1b]0;title\x07\x1b[2J\x1b[31m<script>alert(1)</script>\u202e\r\nPASSED\n=1+1|`a`|<img src=x>\x00\ud800\u2028"
print(TEXT.encode("utf-8", "replace").decode(), file=sys.stderr)


class Loud(Exception):
    def __str__(self):
        return TEXT * 100


Loud.__name__ = Loud.__qualname__ = TEXT.replace("\0", "").replace("\ud800", "")


def answer():
    raise Loud
