# Right only if more than the limit can be held because the kernel writes it to a disk.
import mmap

MADV_COLD, MADV_PAGEOUT = 20, 21
blocks = []
for number in range(400):
    block = mmap.mmap(-1, 1 << 20)
    block[:] = bytes([number % 251 + 1]) * (1 << 20)
    for advice in (MADV_COLD, MADV_PAGEOUT):
        try:
            block.madvise(advice)
        except OSError:
            pass
    blocks.append(block)


def answer():
    return 42
