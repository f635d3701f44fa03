def sort_third(items):
    items = list(items)
    items[::3] = sorted(items[::3])
    return items
def answer(items):
    return sort_third(items)
