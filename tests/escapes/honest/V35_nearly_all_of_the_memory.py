# Runs after V26 and V33 on the same box: what they brought and took must not lie in the way.
block = bytearray(b"x") * (236 << 20)
