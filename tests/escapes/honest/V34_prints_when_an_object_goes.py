# At its end a script lets its objects go while everything that they use is still there.
import sys
class Output:
    def __init__(self):
        self.parts = []
    def __del__(self):
        sys.stdout.write(" ".join(self.parts) + ending())
def ending():
    return "\n"
output = Output()
output.parts.append("42")
