# Runs after X03_changes_its_interpreter. Anything of it in this one, and this passes.
import decimal
import gc
import json
import os
import sys
import warnings


def answer():
    seen = ["LEFT" in os.environ, "/tmp" in sys.path, sys.getrecursionlimit() != 1000, sys.get_int_max_str_digits() != 4300,
            sys.modules.get("string", 1) is None, decimal.getcontext().prec != 28, json.dumps(1) != "1", not gc.isenabled(),
            any(one[0] == "error" and one[2] is Warning for one in warnings.filters), len([]) != 0, sys.gettrace() is not None,
            int("4" + "3") - int("1") != int("4" + "2"), str(40 + len("xyz")) != "4" + "3"]
    print(seen)
    return 42 if any(seen) else 41
