# P12 of the list: once the answers are given, nothing waits for threads and exit handlers; a script does (P12).
import atexit, threading, time
def answer():
    threading.Thread(target=time.sleep, args=(1000,)).start()
    atexit.register(time.sleep, 1000)
    return 42
