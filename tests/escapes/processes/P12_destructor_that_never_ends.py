# The end of a script lets its objects go.
import time


class Lasting:
    def __del__(self):
        time.sleep(1e9)


lasting = Lasting()
print(42)
