def answer():
    block = bytearray(200 << 20)
    block[::4096] = b"x" * len(block[::4096])
    return 42
