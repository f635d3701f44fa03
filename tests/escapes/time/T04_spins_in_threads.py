# Burns CPU in many threads at once, in library code that lets the others run; what counts is the sum.
import threading
import zlib

block = bytes(1 << 20)


def spin():
    while True:
        zlib.crc32(block)


for _ in range(8):
    threading.Thread(target=spin).start()
spin()
