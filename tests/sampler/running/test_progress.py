"""What a run notes of the nodes of a cluster."""

from sampler.running.progress import NODES_SECONDS, NodeWatch


class Node:
    """A node of a cluster, as `NodeWatch` sees it."""

    def __init__(self, name: str, state: str = "working", reason: str = "", programs: int = 0) -> None:
        self.name, self.state, self.reason, self.programs = name, state, reason, programs
        self.boxes, self.rate, self.faults = 2, 1.5, 0


def test_each_change_of_a_node_is_noted_once_and_what_all_of_them_do_at_intervals() -> None:
    noted: list[tuple[str, str, str]] = []
    nodes = [Node("a"), Node("b", "left out", "no Docker")]
    watch = NodeWatch(lambda: nodes, lambda *told: noted.append(told))
    watch.look(100.0)
    assert noted == [
        ("info", "node", "a is working"),
        ("warning", "node", "b is left out: no Docker"),
        ("info", "nodes", "a working, 2 boxes, 1.5/s, 0 done, 0 faults; b left out, 2 boxes, 1.5/s, 0 done, 0 faults"),
    ]
    nodes[0] = Node("a", programs=9)
    watch.look(100.0 + NODES_SECONDS - 1)
    assert len(noted) == 3
    watch.look(100.0 + NODES_SECONDS)
    assert noted[3][:2] == ("info", "nodes")
    nodes[0] = Node("a", "lost", "killed")
    watch.look(101.0 + NODES_SECONDS)
    assert noted[4:] == [
        ("warning", "node", "a is lost: killed"),
        ("info", "nodes", "a lost, 2 boxes, 1.5/s, 0 done, 0 faults; b left out, 2 boxes, 1.5/s, 0 done, 0 faults"),
    ]


def test_on_one_machine_nothing_is_noted_of_nodes() -> None:
    noted: list[tuple[str, str, str]] = []
    with NodeWatch(None, lambda *told: noted.append(told)):
        pass
    assert noted == []
