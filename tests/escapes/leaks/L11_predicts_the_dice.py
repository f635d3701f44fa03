# The seeds that it can know: the harness's own, small numbers, what the zygote's dice would give. Success is a right guess.
import random
import secrets
import uuid

WELL_KNOWN = [None, *range(2000), 20240731, 42, 1337, "", "0"]
drawn = [random.random() for _ in range(3)]


def answer():
    guesses = [seed for seed in WELL_KNOWN[1:] if random.Random(seed).random() in drawn]
    same = len({secrets.token_hex(8) for _ in range(4)}) < 4 or uuid.uuid4() == uuid.uuid4()
    print(guesses, drawn)
    return 42 if guesses or same else 41
