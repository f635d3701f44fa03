# Nearly all the memory of the box, in itself and in its files, so that the books of the box stand high.
block = bytearray(120 << 20)
for at in range(0, len(block), 4096):
    block[at] = 1
with open("/tmp/big", "wb") as file:
    for _ in range(60):
        file.write(bytes(1 << 20))


def answer():
    return 41
