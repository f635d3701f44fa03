def answer():
    return 42.0 + 9e-7
