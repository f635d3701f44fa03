"""First file that runs in a box, as process 1 or as a candidate's own interpreter.

Keeps our code off the module path that a candidate will see.
"""

import sys

sys.path.insert(0, "/opt/box")

if sys.argv[1:] == ["candidate"]:
    from sandbox.inside.candidate import resume as main
else:
    from sandbox.inside.supervisor import main

main()
