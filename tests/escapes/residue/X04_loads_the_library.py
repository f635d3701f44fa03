# Runs after X04_compiles_for_the_next. Leaves early, or passes, if it loads anything but the interpreter's own.
import os
import site
import subprocess
import sys


def answer():
    import colorsys

    child = subprocess.run([sys.executable, "-c", "import colorsys; print(colorsys.__file__)"], capture_output=True, text=True).stdout
    places = [colorsys.__file__, colorsys.__cached__, child.strip()]
    print(places)
    foreign = [place for place in places if not place.startswith(os.path.dirname(os.__file__))]
    return 42 if foreign or os.path.exists(site.USER_SITE) or "PYTHONSTARTUP" in os.environ else 41
