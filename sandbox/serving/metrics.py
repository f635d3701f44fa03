"""Count what the server did, in Prometheus's text format."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence

from sandbox.cluster.pool import NodeStatus
from sandbox.cluster.schedule import NodeState

BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_HELP = {
    "sandbox_requests_total": "Answered requests by route and HTTP status.",
    "sandbox_programs_total": "Programs by verdict or, where they have no tests, by ending; unscored is our fault.",
    "sandbox_clients_left_total": "Requests whose client left before the answer.",
    "sandbox_queue_seconds": "How long programs waited for a box.",
    "sandbox_run_seconds": "How long programs were in a box.",
    "sandbox_waiting": "Programs that wait for a box or are in one.",
    "sandbox_room": "How many programs may wait or run at once.",
    "sandbox_boxes": "Boxes.",
    "sandbox_node_up": "Whether a node of the cluster works, and where not, what it does.",
    "sandbox_node_boxes": "Boxes of a node.",
    "sandbox_node_under_way": "Programs that a node has.",
    "sandbox_node_programs_total": "Programs that a node has finished.",
    "sandbox_node_faults_total": "Programs that a node has failed, by no fault of theirs.",
}
Labels = tuple[tuple[str, str], ...]


class Metrics:
    """Counters and histograms; any thread may count."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: defaultdict[tuple[str, Labels], int] = defaultdict(int)
        self._buckets: defaultdict[str, list[int]] = defaultdict(lambda: [0] * (len(BUCKETS_S) + 1))
        self._sums: defaultdict[str, float] = defaultdict(float)

    def count(self, name: str, **labels: str) -> None:
        """Count one event."""
        with self._lock:
            self._counts[name, tuple(sorted(labels.items()))] += 1

    def took(self, name: str, seconds: float) -> None:
        """Record one duration."""
        with self._lock:
            self._buckets[name][bisect_left(BUCKETS_S, seconds)] += 1
            self._sums[name] += seconds

    def text(self, gauges: Mapping[str, float]) -> str:
        """Return all metrics, with the present gauges."""
        with self._lock:
            return "".join(f"{line}\n" for line in self._lines(gauges))

    def _lines(self, gauges: Mapping[str, float]) -> Iterator[str]:
        for name in sorted({name for name, _ in self._counts}):
            yield from _head(name, "counter")
            for (owner, labels), count in sorted(self._counts.items()):
                if owner == name:
                    yield f"{name}{_braced(labels)} {count}"
        for name, buckets in sorted(self._buckets.items()):
            yield from _head(name, "histogram")
            total = 0
            for bound, count in zip((*map(str, BUCKETS_S), "+Inf"), buckets, strict=True):
                total += count
                yield f'{name}_bucket{{le="{bound}"}} {total}'
            yield f"{name}_sum {self._sums[name]}"
            yield f"{name}_count {total}"
        for name, value in sorted(gauges.items()):
            yield from _head(name, "gauge")
            yield f"{name} {value:g}"


def node_metrics(nodes: Sequence[NodeStatus]) -> str:
    """Return the metrics of a cluster's nodes."""
    lines: list[str] = []
    for name, kind, value in _OF_NODES:
        lines += _head(name, kind)
        for node in nodes:
            labels = {"node": node.name} | ({"state": str(node.state)} if name == "sandbox_node_up" else {})
            lines.append(f"{name}{_braced(tuple(labels.items()))} {value(node)}")
    return "".join(f"{line}\n" for line in lines)


_OF_NODES: tuple[tuple[str, str, Callable[[NodeStatus], int]], ...] = (
    ("sandbox_node_up", "gauge", lambda node: int(node.state is NodeState.WORKING)),
    ("sandbox_node_boxes", "gauge", lambda node: node.boxes),
    ("sandbox_node_under_way", "gauge", lambda node: node.under_way),
    ("sandbox_node_programs_total", "counter", lambda node: node.programs),
    ("sandbox_node_faults_total", "counter", lambda node: node.faults),
)


def _head(name: str, kind: str) -> Iterator[str]:
    yield f"# HELP {name} {_HELP[name]}"
    yield f"# TYPE {name} {kind}"


def _braced(labels: Labels) -> str:
    """Return labels in the text format; their values are escaped."""
    if not labels:
        return ""
    escaped = ((name, value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")) for name, value in labels)
    return "{" + ",".join(f'{name}="{value}"' for name, value in escaped) + "}"
