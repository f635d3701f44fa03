def answer():
    return float("inf")
