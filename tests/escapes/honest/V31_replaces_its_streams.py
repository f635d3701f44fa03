# O18 of the list, in good faith: it wants to be silent, and is.
import io, os, sys
sys.stdout = open(os.devnull, "w")
print("nobody reads this")
sys.stderr = io.StringIO()
def answer():
    sys.stdout = io.StringIO()
    print("nor this")
    return 42
