"""Run untrusted programs in hardened Docker boxes and say whether they passed. Knows nothing of models or studies.

The host trusts nothing that comes out of a box. A *job* goes in, facts come out (`Run`), and a pure function on the
host makes the *verdict*. Our fault is an exception (`SandboxError`), the program's fault is data. In the worst case a
box breaks or cannot be proved clean: then it is removed, and the job is tried in another box. Nothing is scored by
accident.

From the outside in, and imports go that way only: `cli` and `commands` read the command line; `serving` (HTTP), `api`
(Python) and `plugin` (inspect_ai, agents) are for other programs; `cluster` is the pool over many machines; `scoring`
ties together `boxes`, which run programs, `judging`, which decides, `extraction`, which finds the program in an answer,
`problems`, which say what is asked, and `languages`, which say how programs are compiled and run; `diagnostics` checks
whether a machine is fit for it. `values` holds the types that all of them share, and `inside` is
what runs in the container.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.api import Pool, reward, reward_async, score, trl_reward, verl_reward
    from sandbox.cluster.pool import ClusterPool
    from sandbox.errors import SandboxError
    from sandbox.problems import Filters, Problem, ProblemFile, load_problems, read_problem, read_problems
    from sandbox.scoring.strategy import ScoringOptions
    from sandbox.values import Limits, Score, Verdict

__all__ = [
    "ClusterPool",
    "Filters",
    "Limits",
    "Pool",
    "Problem",
    "ProblemFile",
    "SandboxError",
    "Score",
    "ScoringOptions",
    "Verdict",
    "load_problems",
    "read_problem",
    "read_problems",
    "reward",
    "reward_async",
    "score",
    "trl_reward",
    "verl_reward",
]
_HOMES = {
    "SandboxError": "errors",
    "Pool": "api",
    "ClusterPool": "cluster.pool",
    "reward": "api",
    "reward_async": "api",
    "score": "api",
    "trl_reward": "api",
    "verl_reward": "api",
    "Filters": "problems",
    "Problem": "problems",
    "ProblemFile": "problems",
    "read_problems": "problems",
    "load_problems": "problems",
    "read_problem": "problems",
    "ScoringOptions": "scoring.strategy",
    "Limits": "values",
    "Score": "values",
    "Verdict": "values",
}


def __getattr__(name: str) -> object:
    """Import a name of `__all__` from its module when it is first used.

    Docker's client takes long to import, and not every caller needs it.
    """
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
