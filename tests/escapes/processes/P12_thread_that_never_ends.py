# The end of a script waits for its threads, as the interpreter does.
import threading
import time

threading.Thread(target=time.sleep, args=(1e9,)).start()
print(42)
