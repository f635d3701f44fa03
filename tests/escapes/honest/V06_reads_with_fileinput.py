import fileinput
n, *items = [int(line) for line in fileinput.input()]
print(sum(items))
