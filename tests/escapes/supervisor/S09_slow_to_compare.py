# Answers that are slow to hold against anything: equal hashes, near misses of long texts, nested sets, many small lists.
PRIME = (1 << 61) - 1
MAKE = (
    lambda: "a" * 4_000_000 + "!",
    lambda: [[0] * 50_000, 1],
    lambda: [[] for _ in range(150_000)],
    lambda: frozenset(frozenset([key]) for key in range(20_000)),
    lambda: {(1 << 61) * key for key in range(20_000)},
    lambda: {key * PRIME for key in range(3000)},
    lambda: {key * PRIME: 1 for key in range(3000)},
)


def answer(number):
    return MAKE[number]()
