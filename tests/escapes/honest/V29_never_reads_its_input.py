# O14 of the list, in good faith: megabytes of input that the answer does not need.
print(42)
