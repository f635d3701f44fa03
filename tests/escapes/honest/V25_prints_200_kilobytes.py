# O05 of the list: all of it arrives.
for _ in range(12_000):
    print("0123456789abcdef")
