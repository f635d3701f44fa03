def answer(items):
    items.sort()
