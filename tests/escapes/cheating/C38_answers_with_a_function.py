def answer():
    return lambda *_: 42
