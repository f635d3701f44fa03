# What int(), float() or a pattern would take for 42 and Python's == does not. Success is that one is taken.
from decimal import Decimal


def answer(number):
    return ["\u0664\u0662", "42", " 42 ", "4_2", b"42", "0x2a", float("nan"), Decimal("NaN"), Decimal("sNaN"), "\uff14\uff12", [42], "42.0",
            10**5000, -(10**70000), Decimal("42e99999"), complex(42, 1), "४२", {42}, (42,), "42\0"][number]
