# Telling what went wrong must not hold up anything.
class Silent(Exception):
    def __str__(self):
        while True:
            pass

    __repr__ = __str__


raise Silent
