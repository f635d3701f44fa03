def answer():
    return float("nan")
