# The cleaner moves directories up under names of its own; these are taken already, by everything a name can be.
import os

for number in range(0, 60, 3):
    os.makedirs(f"/tmp/.moved-{number}/.moved-{number + 1}/inner")
    open(f"/tmp/.moved-{number + 1}", "w").close()
    os.symlink("/", f"/tmp/.moved-{number + 2}")
os.makedirs("/dev/shm/.moved-1/.moved-2/.moved-0")
open("/dev/shm/.moved-1/.moved-3", "w").close()
os._exit(0)
