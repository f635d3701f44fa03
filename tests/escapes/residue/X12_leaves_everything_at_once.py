# Files, links, sockets, processes and threads, terminals, locks, full pipes: all at once, and it ends by a signal.
import fcntl
import os
import signal
import socket
import threading
import time

for directory in ("/tmp", "/dev/shm"):
    for number in range(200):
        os.makedirs(f"{directory}/{number}/deep/er", 0o700)
        os.symlink("/", f"{directory}/{number}/link")
        os.chmod(f"{directory}/{number}/deep", 0)
    lock = os.open(f"{directory}/lock", os.O_CREAT | os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
fcntl.flock(os.open("/opt/box/start.py", os.O_RDONLY), fcntl.LOCK_EX)
held = [os.openpty(), socket.socketpair(), os.pipe()]
name = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
name.bind("\0left at once")
for _ in range(5):
    if os.fork() == 0:
        os.setsid()
        for _ in range(3):
            threading.Thread(target=time.sleep, args=(100,)).start()
        time.sleep(100)
os.kill(os.getpid(), signal.SIGKILL)
