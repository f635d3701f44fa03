import sys
data = sys.stdin.read()
assert len(data) == 5_000_000
sys.stdout.write(data)
