# Many megabytes wait to be read; nobody may wait for that.
import time

time.sleep(1e9)
