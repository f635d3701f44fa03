# What the supervisor keeps of the input is not taken from the program's memory.
import sys
data = sys.stdin.buffer.read()
block = bytearray(b"x") * (180 << 20)
print(len(data))
