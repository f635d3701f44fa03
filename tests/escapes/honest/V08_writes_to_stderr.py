import sys
import traceback
import warnings
warnings.warn("all is well")
try:
    1 / 0
except ZeroDivisionError:
    traceback.print_exc()
print("error: exit status 1", file=sys.stderr)
print(42)
