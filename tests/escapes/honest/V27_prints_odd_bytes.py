# O07 of the list: bytes go through as they are, text or not.
import sys
sys.stderr.buffer.write(bytes(range(256)) * 2 + b"\xed\xa0\x80\xf5")
sys.stdout.buffer.write("\x00\ufeff\u2028\u202e\x1b]52;c;\x07\x1b[2J\b\x7f".encode())
