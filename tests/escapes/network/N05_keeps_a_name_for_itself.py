# Takes names that the next program might want, in a child that stays; N05_wants_the_name asks for them next.
import os
import socket

kept = []
for name in ("\0service", "/tmp/service", "/dev/shm/service"):
    kept.append(socket.socket(socket.AF_UNIX))
    kept[-1].bind(name)
    kept[-1].listen()
if os.fork() == 0:
    os.setsid()
    while True:
        kept[0].accept()
os._exit(0)
