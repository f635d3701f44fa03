n, *items = map(int, open(0).read().split())
print(sum(items))
