class Pair:
    def __init__(self, a, b):
        self.a, self.b = a, b
def answer(pair):
    return pair.a + pair.b
