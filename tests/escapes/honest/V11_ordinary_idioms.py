from __future__ import annotations
import pickle
from dataclasses import dataclass, field
from enum import Enum
from typing import *
T = TypeVar("T")
class Colour(Enum):
    RED = 1
@dataclass(frozen=True, order=True)
class Point(Generic[T]):
    x: int
    y: int = 0
    colour: Colour = Colour.RED
    more: tuple[int, ...] = field(default=(), compare=False)
class Pair(NamedTuple):
    a: int
    b: int
def answer() -> Optional[int]:
    point: Point[int] = pickle.loads(pickle.dumps(Point(40)))
    pair = pickle.loads(pickle.dumps(Pair(1, 1)))
    assert point == Point(40) and point.colour is Colour.RED
    return point.x + pair.a + pair.b
if __name__ == "__main__":
    raise SystemExit("not as a module")
