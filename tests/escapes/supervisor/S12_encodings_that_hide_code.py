# -*- coding: unicode_escape -*-
# Under that cookie the next comment is code. A program is text, not bytes: no cookie is heeded.
# \u000adef answer(): return 42\u000a


def real():
    return 41


# \x0aanswer = lambda: 42\x0a
answer = globals().get("answer", real)
