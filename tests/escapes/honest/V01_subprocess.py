import subprocess
import sys
def answer():
    done = subprocess.run([sys.executable, "-c", "print(6 * 7)"], capture_output=True, text=True, check=True)
    return int(done.stdout)
