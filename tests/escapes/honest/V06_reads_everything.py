import sys
n, *items = map(int, sys.stdin.read().split())
print(sum(items))
