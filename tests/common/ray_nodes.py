"""Start and end Ray nodes on loopback, as a program of its own that a test talks to by lines.

It ends, with all its nodes, when its input is closed, and after `LONGEST_S` in any case. Every process of a node is
ended by its own id. Commands: `add ENV…` starts a node (KEY=VALUE go into its environment; cpus=N, boxes=N and gpus=N
into its resources), `kill N` kills the raylet of node N, `stop N` ends node N, `head` kills the head.
"""

import json
import os
import signal
import sys

LONGEST_S = int(os.environ.get("RAY_NODES_LONGEST_S", "1800"))


def main() -> None:
    """Serve the commands on standard input."""
    signal.alarm(LONGEST_S)
    signal.signal(signal.SIGALRM, lambda *_: sys.exit(1))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    from ray.cluster_utils import Cluster

    folder = os.environ["RAY_TMPDIR"]
    common = {"node_ip_address": "127.0.0.1", "object_store_memory": 78_643_200, "include_log_monitor": False}
    os.makedirs(f"{folder}/ray", exist_ok=True)
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    head = {"num_cpus": 0, "include_dashboard": False, "temp_dir": f"{folder}/s"}
    cluster = Cluster(initialize_head=True, head_node_args={**common, **head})
    nodes = [cluster.head_node]
    tell(out, address=cluster.address)
    try:
        for line in sys.stdin:
            command, *words = line.split()
            if command == "add":
                tell(out, **add(cluster, nodes, common, words))
                continue
            node = cluster.head_node if command == "head" else nodes[int(words[0])]
            if command == "head":
                for name in ("gcs_server", "raylet"):
                    kill(node, name)
            elif command == "kill":
                kill(node, "raylet")
            else:
                node.kill_all_processes(check_alive=False, allow_graceful=False, wait=True)
            tell(out, done=command)
    finally:
        for node in nodes[::-1]:
            node.kill_all_processes(check_alive=False, allow_graceful=False, wait=True)


def add(cluster: object, nodes: list, common: dict, words: list[str]) -> dict[str, object]:
    """Start a node; return its number and its id."""
    given = dict(word.split("=", 1) for word in words)
    cpus, gpus, boxes = (given.pop(name, None) for name in ("cpus", "gpus", "boxes"))
    before = dict(os.environ)
    os.environ.update(given)
    try:
        resources = {"boxes": float(boxes)} if boxes else None
        node = cluster.add_node(
            wait=False, num_cpus=int(cpus or 1), num_gpus=int(gpus or 0), resources=resources, **common
        )
    finally:
        os.environ.clear()
        os.environ.update(before)
    nodes.append(node)
    return {"number": len(nodes) - 1, "id": node.node_id}


def kill(node: object, name: str) -> None:
    """Kill one process of a node and wait for its end."""
    for process in node.all_processes.get(name, []):
        process.process.kill()
        process.process.wait()


def tell(out: object, **told: object) -> None:
    """Print one line of JSON."""
    out.write(json.dumps(told) + "\n")
    out.flush()


if __name__ == "__main__":
    main()
