# Another thread becomes a new program and takes the process over; the limits must go along.
import os
import sys
import threading
import time

threading.Thread(target=os.execv, args=(sys.executable, ["python", "-c", "while True: pass"])).start()
time.sleep(1e9)
