# M12 of the list: a MemoryError that the program sees to is its own affair.
def answer():
    try:
        return bytearray(1 << 60)
    except MemoryError:
        return 42
