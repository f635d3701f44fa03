# Runs after X13_leaves_full_sockets_in_flight. Passes if memory or disk is not there for it.
def answer():
    try:
        block = bytearray(150 << 20)
        for at in range(0, len(block), 4096):
            block[at] = 1
        for directory in ("/tmp", "/dev/shm"):
            with open(f"{directory}/mine", "wb") as file:
                file.write(bytes(30 << 20))
    except (MemoryError, OSError):
        return 42
    return 41
