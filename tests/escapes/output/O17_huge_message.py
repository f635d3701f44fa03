# What is said of an exception has a bound, however long its own text is.
import os

os.close(2)


class Huge(Exception):
    def __str__(self):
        return "x" * (20 << 20)


raise Huge
