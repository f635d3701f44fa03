# P06 of the list, in good faith: a forgotten subprocess holds the streams open; it is removed, and nothing waits for it.
import subprocess, sys
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])
print(42)
