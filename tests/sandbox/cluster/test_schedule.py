"""Which node runs what, and what becomes of programs when nodes come, go and fall silent."""

from concurrent.futures import Future

import pytest

from sandbox.cluster.messages import ClusterUnavailable, Fault, NodeLost
from sandbox.cluster.schedule import (
    AHEAD,
    BUSY_LINGER_S,
    MAX_FAULTS,
    MAX_LOSSES,
    OVERDUE_S,
    SUSPECT,
    Delivery,
    Node,
    NodeState,
    Schedule,
    Task,
)
from sandbox.errors import MachineBusy


class Cluster:
    """A schedule with nodes, and what was delivered so far."""

    def __init__(self, *boxes: int) -> None:
        self.schedule = Schedule()
        self.nodes = [self.join(f"node{number}", count) for number, count in enumerate(boxes)]
        self.delivered: list[Delivery] = []

    def join(self, name: str, boxes: int) -> Node:
        node = self.schedule.nodes[name] = Node(name, name, boxes=boxes, state=NodeState.WORKING)
        return node

    def submit(self, source: str, key: object = None) -> tuple[Task, Future]:
        future: Future = Future()
        task = Task(self.schedule.next_number(), "score", 1, source, longest_s=10.0, key=key)
        return self.schedule.submit(task, future), future

    def finish(self, node: Node, task: Task, result: object) -> Delivery | None:
        delivery = self.schedule.finished(node, task.number, result)
        if delivery is not None:
            self.delivered.append(delivery)
        return delivery


def test_a_node_gets_what_keeps_its_boxes_busy_and_the_rest_waits() -> None:
    cluster = Cluster(2)
    for number in range(50):
        cluster.submit(str(number))
    taken = cluster.schedule.take(cluster.nodes[0], 0.0)
    assert [task.source for task in taken] == [str(number) for number in range(2 * AHEAD)]
    assert not cluster.schedule.take(cluster.nodes[0], 0.0)
    assert cluster.schedule.waiting == 50 - 2 * AHEAD


def test_a_few_programs_are_spread_over_the_nodes_that_idle() -> None:
    cluster = Cluster(2, 2)
    for number in range(5):
        cluster.submit(str(number))
    assert len(cluster.schedule.take(cluster.nodes[0], 0.0)) == 3
    assert len(cluster.schedule.take(cluster.nodes[1], 0.0)) == 2


def test_a_fast_node_gets_more_ahead_of_the_next_message() -> None:
    cluster = Cluster(1)
    before = cluster.schedule.room(cluster.nodes[0])
    cluster.schedule.measured(cluster.nodes[0], 1000, 1.0)
    assert cluster.schedule.room(cluster.nodes[0]) > before


def test_equal_programs_that_are_under_way_share_one_run() -> None:
    cluster = Cluster(1)
    (first, one), (second, other) = (cluster.submit("same", key="same") for _ in range(2))
    assert first is second
    assert len(cluster.schedule.take(cluster.nodes[0], 0.0)) == 1
    delivery = cluster.finish(cluster.nodes[0], first, "score")
    assert delivery is not None
    assert list(delivery.task.futures) == [one, other]
    assert cluster.submit("same", key="same")[0] is not first


def test_programs_of_a_lost_node_go_to_another_one_first_and_a_late_result_counts_for_nothing() -> None:
    cluster = Cluster(1, 1)
    first, second = cluster.nodes
    tasks = [cluster.submit(str(number))[0] for number in range(6)]
    held = cluster.schedule.take(first, 0.0)
    assert not cluster.schedule.lost(first, NodeState.LOST, "killed")
    again = cluster.schedule.take(second, 1.0)
    assert [task.source for task in again] == [task.source for task in held] == ["0", "1"]
    assert cluster.finish(first, tasks[0], "from the dead") is None
    assert cluster.finish(second, tasks[0], "score") is not None
    assert cluster.finish(second, tasks[0], "score") is None


def test_a_program_that_keeps_losing_nodes_is_alone_on_its_node_and_then_given_up() -> None:
    cluster = Cluster(4, 4)
    suspect, _ = cluster.submit("suspect")
    for loss in range(MAX_LOSSES):
        cluster.submit(f"other {loss}")
        node = cluster.join(f"fresh{loss}", 4)
        taken = cluster.schedule.take(node, 0.0)
        assert suspect in taken
        if loss >= SUSPECT:
            assert taken == [suspect]
            assert not cluster.schedule.take(node, 0.0)
        deliveries = cluster.schedule.lost(node, NodeState.LOST, "gone")
    assert [delivery.task for delivery in deliveries] == [suspect]
    assert isinstance(deliveries[0].error, NodeLost)
    assert cluster.schedule.waiting == MAX_LOSSES


def test_an_innocent_program_survives_the_one_that_kills_its_nodes() -> None:
    cluster = Cluster(2)
    node = cluster.nodes[0]
    boxes = node.boxes
    cluster.submit("poison")
    innocent, _ = cluster.submit("innocent")
    for _ in range(MAX_LOSSES):
        node.state, node.boxes = NodeState.WORKING, boxes
        taken = cluster.schedule.take(node, 0.0)
        if [task.source for task in taken] == ["innocent"]:
            cluster.finish(node, innocent, "score")
            taken = cluster.schedule.take(node, 0.0)
        cluster.schedule.lost(node, NodeState.LOST, "poisoned")
    node.state, node.boxes = NodeState.WORKING, boxes
    for task in cluster.schedule.take(node, 0.0):
        cluster.finish(node, task, "score")
    assert [delivery.task.source for delivery in cluster.delivered] == ["innocent"]


def test_a_fault_of_the_machine_is_asked_elsewhere_and_told_when_it_comes_again_and_again() -> None:
    cluster = Cluster(1, 1)
    task, _ = cluster.submit("p")
    busy = Fault("MachineBusy", "busy")
    for turn in range(MAX_FAULTS - 1):
        node = cluster.nodes[turn % 2]
        assert cluster.schedule.take(node, 0.0) == [task]
        assert cluster.finish(node, task, busy) is None
    assert cluster.schedule.take(cluster.nodes[0], 0.0) == [task]
    delivery = cluster.finish(cluster.nodes[0], task, busy)
    assert delivery is not None
    assert isinstance(delivery.error, MachineBusy)


def test_a_program_goes_to_a_node_that_has_not_failed_it_while_there_is_one() -> None:
    cluster = Cluster(1, 1)
    task, _ = cluster.submit("p")
    cluster.schedule.take(cluster.nodes[0], 0.0)
    cluster.finish(cluster.nodes[0], task, Fault("BoxLost", "gone"))
    assert not cluster.schedule.take(cluster.nodes[0], 0.0)
    assert cluster.schedule.take(cluster.nodes[1], 0.0) == [task]


@pytest.mark.parametrize("fault", [Fault("ReferenceFailed", "no answer"), Fault(None, "TypeError: bug")])
def test_what_another_node_would_say_as_well_is_told_at_once(fault: Fault) -> None:
    cluster = Cluster(1, 1)
    task, _ = cluster.submit("p")
    cluster.schedule.take(cluster.nodes[0], 0.0)
    delivery = cluster.finish(cluster.nodes[0], task, fault)
    assert delivery is not None
    assert str(delivery.error) == fault.message


def test_a_node_without_its_engine_rests_and_its_programs_go_elsewhere_without_blame() -> None:
    cluster = Cluster(1, 1)
    first, second = cluster.nodes
    task, _ = cluster.submit("p")
    cluster.schedule.take(first, 0.0)
    cluster.schedule.rests(first, "no engine")
    assert first.cancelled == [task.number]
    assert task.losses == 0
    assert not cluster.schedule.take(first, 0.0)
    assert cluster.schedule.take(second, 0.0) == [task]


def test_what_a_node_cancelled_for_nobody_is_asked_again() -> None:
    cluster = Cluster(1)
    (node,) = cluster.nodes
    task, _ = cluster.submit("p")
    cluster.schedule.take(node, 0.0)
    cluster.schedule.rests(node, "silent for a while")
    node.state = NodeState.WORKING
    assert cluster.schedule.take(node, 1.0) == [task]
    assert cluster.finish(node, task, Fault("TaskCancelled", "the earlier run was")) is None
    assert cluster.schedule.take(node, 2.0) == [task]
    assert cluster.finish(node, task, "score") is not None


def test_an_idle_node_gets_what_another_one_has_not_begun() -> None:
    cluster = Cluster(1)
    tasks = [cluster.submit(str(number))[0] for number in range(2)]
    cluster.schedule.take(cluster.nodes[0], 0.0)
    assert not list(cluster.schedule.surplus())
    idle = cluster.join("new", 4)
    assert list(cluster.schedule.surplus()) == [(cluster.nodes[0], 1)]
    assert not list(cluster.schedule.surplus()), "what was asked back is not asked back twice"
    cluster.schedule.gave_back(cluster.nodes[0], [tasks[1].number])
    assert cluster.schedule.take(idle, 0.0) == [tasks[1]]


def test_a_program_under_way_for_too_long_is_given_to_a_second_node_and_the_first_result_counts() -> None:
    cluster = Cluster(1, 1)
    slow, idle = cluster.nodes
    task, _ = cluster.submit("p")
    cluster.schedule.take(slow, 0.0)
    assert not list(cluster.schedule.overdue(task.longest_s))
    assert list(cluster.schedule.overdue(task.longest_s + OVERDUE_S)) == [(idle, task)]
    assert cluster.finish(idle, task, "score") is not None
    assert slow.cancelled == [task.number]
    assert cluster.finish(slow, task, "score") is None


def test_a_cancelled_program_leaves_the_queue_and_its_node() -> None:
    cluster = Cluster(1)
    running, one = cluster.submit("running")
    waiting, other = cluster.submit("waiting")
    cluster.nodes[0].boxes = 0
    cluster.nodes[0].rate = 3.0  # room for one
    assert cluster.schedule.take(cluster.nodes[0], 0.0) == [running]
    for future, task in ((one, running), (other, waiting)):
        assert cluster.schedule.cancelled(task, future)
    cluster.nodes[0].boxes = 4
    assert not cluster.schedule.take(cluster.nodes[0], 0.0)
    assert cluster.nodes[0].cancelled == [running.number]
    assert not cluster.schedule.waiting


def test_nodes_gather_results_for_no_longer_than_the_waiting_programs_last() -> None:
    cluster = Cluster(1, 1)
    schedule = cluster.schedule
    assert schedule.linger_s == 0.0
    for node in cluster.nodes:
        node.rate = 50.0
    for number in range(10):
        cluster.submit(f"program {number}")
    assert schedule.linger_s == pytest.approx(0.1)  # ten programs at 100 a second
    for number in range(1000):
        cluster.submit(f"another {number}")
    assert schedule.linger_s == BUSY_LINGER_S
    schedule.linger_s = 1.0  # very many nodes
    assert schedule.linger_s == 1.0


def test_a_shared_run_goes_on_while_anybody_waits_for_it() -> None:
    cluster = Cluster(1)
    task, one = cluster.submit("same", key="k")
    cluster.submit("same", key="k")
    assert cluster.schedule.cancelled(task, one)
    assert not cluster.schedule.cancelled(task, one), "twice is once"
    assert cluster.schedule.take(cluster.nodes[0], 0.0) == [task]


def test_without_any_node_programs_wait_for_a_while_and_are_then_told_why_each_node_is_away() -> None:
    cluster = Cluster(1)
    cluster.submit("p")
    cluster.schedule.lost(cluster.nodes[0], NodeState.LOST, "killed")
    assert not cluster.schedule.given_up(100.0)
    assert not cluster.schedule.given_up(159.0)
    (delivery,) = cluster.schedule.given_up(161.0)
    assert isinstance(delivery.error, ClusterUnavailable)
    assert "node0: lost, killed" in str(delivery.error)


def test_a_node_that_comes_back_in_time_goes_on() -> None:
    cluster = Cluster(1)
    task, _ = cluster.submit("p")
    cluster.schedule.lost(cluster.nodes[0], NodeState.LOST, "killed")
    cluster.schedule.given_up(100.0)
    node = cluster.join("again", 1)
    assert not cluster.schedule.given_up(200.0)
    assert cluster.schedule.take(node, 200.0) == [task]


def test_where_no_node_can_open_boxes_nobody_waits() -> None:
    cluster = Cluster(1)
    cluster.submit("p")
    cluster.schedule.lost(cluster.nodes[0], NodeState.LEFT_OUT, "no Docker")
    assert cluster.schedule.given_up(0.0)
