import os
data = b""
while part := os.read(0, 4096):
    data += part
n, *items = map(int, data.split())
print(sum(items))
