def answer():
    return iter([1, 2])
