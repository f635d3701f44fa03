# Claims a lack of memory that there is not; what is said about oneself decides nothing but one's own failure.
def answer():
    raise MemoryError("a lie")
