# Nobody hears from it any more, but it is still there.
import os
import time

os.closerange(0, 256)
time.sleep(1e9)
