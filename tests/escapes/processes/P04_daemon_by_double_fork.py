import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        while True:
            try:
                open('/tmp/still_here', 'w').close()
            except OSError:
                pass
            time.sleep(0.001)
    os._exit(0)
os.wait()
os._exit(0)
