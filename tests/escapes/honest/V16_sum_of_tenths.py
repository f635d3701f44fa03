def answer():
    return sum([0.1] * 420)
