# Fills its memory with a word and ends; L06_scans_for_the_word looks for it.
word = "quince" + "-of-the-last-one"
held = [word + str(number) for number in range(100_000)]
with open("/tmp/word", "w") as file:
    file.write("".join(held))


def answer():
    return held[:1000]
