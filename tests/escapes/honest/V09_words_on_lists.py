# exit(0), os._exit(0), sys.exit(), import os, threading, subprocess, eval(, exec(, __import__
import os, sys, threading, subprocess
def answer():
    """Call exit(0) if it is wrong; os.kill(os.getpid(), 9); assert False; SystemExit; pytest.skip; PASSED."""
    text = "exit(0); quit(); raise SystemExit; __eq__; rm -rf /; shutil.rmtree('/')"
    return 42 if "exit(0)" in text else 0
