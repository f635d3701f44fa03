from collections import deque
def answer():
    return deque([1, 2])
