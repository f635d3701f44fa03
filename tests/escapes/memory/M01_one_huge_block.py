block = bytearray(100 << 30)
