def answer():
    return (1, 2)
