# O07 of the list: text that no terminal should see is text all the same.
def answer():
    return "\x00\ud800\udfff\ufeff\u2028\u202e\x1b]52;c;\x07\r\b\x7f\x9b"
