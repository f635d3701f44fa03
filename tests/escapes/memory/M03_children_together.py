import os, time
for _ in range(8):
    if os.fork() == 0:
        block = bytearray(60 << 20)
        time.sleep(1e9)
mine = bytearray(100 << 20)
time.sleep(1e9)
