def answer():
    return [[1, 2], [2, 1]]
