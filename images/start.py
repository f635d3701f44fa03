"""First file that runs in a box. Keeps our code off the module path that a candidate will see."""

import sys

sys.path.insert(0, "/opt/box")

from sandbox.inside.supervisor import main

main()
