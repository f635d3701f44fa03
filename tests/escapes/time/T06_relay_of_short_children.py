import os, time
while True:
    until = time.process_time() + 0.05
    while time.process_time() < until:
        pass
    if os.fork():
        os.wait()
        os._exit(0)
