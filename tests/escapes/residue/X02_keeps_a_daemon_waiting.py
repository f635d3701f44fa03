# A daemon in a session of its own that waits for the next program, to write into its directory and its pipes.
import os
import time

MINE = os.getpid()
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
        while True:
            for pid in [pid for pid in os.listdir("/proc") if pid.isdigit() and int(pid) > MINE + 8]:
                for fd in (1, 3):
                    try:
                        os.write(os.open(f"/proc/{pid}/fd/{fd}", os.O_WRONLY | os.O_NONBLOCK), b"from the daemon")
                    except OSError:
                        pass
            for directory in ("/tmp", "/dev/shm"):
                with open(f"{directory}/from the daemon", "w") as file:
                    file.write("here")
            time.sleep(0.001)
time.sleep(0.05)
os._exit(0)
