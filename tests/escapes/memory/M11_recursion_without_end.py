import sys
sys.setrecursionlimit(10 ** 9)
def deeper(value):
    return deeper([value])
import json
nested = []
for _ in range(10 ** 6):
    nested = [nested]
json.dumps(nested)
