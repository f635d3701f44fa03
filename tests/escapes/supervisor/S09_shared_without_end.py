# A small value that is endless to walk: each list holds the one before it twice, sixty times over.
def answer():
    shared = []
    for _ in range(60):
        shared = [shared, shared]
    return shared
