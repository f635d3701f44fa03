# The first answer is right only if it is looked at after the second call.
shared = []
def answer(item):
    if item == 2:
        shared.extend([1, 2])
    return shared
