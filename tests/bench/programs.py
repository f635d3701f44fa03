"""The programs that every side of the benchmark runs: three kinds, all in HumanEval's form, all of them right.

`whole` is what a side without a notion of tests runs: the program, and behind it its tests; it ends with 0 if they
pass.
"""

from __future__ import annotations

from itertools import cycle, islice

from sandbox.problems import Problem, load_problems

NUMPY = """
def product(n):
    matrix = np.arange(n * n, dtype=float).reshape(n, n) % 7
    return round(float((matrix @ matrix.T).trace()))
def sorting(n):
    numbers = np.arange(50 * n) * 7919 % 10007
    return int(np.sort(numbers)[::3].sum())
def solving(n):
    return round(1000 * float(np.linalg.solve(np.eye(n) * n + np.ones((n, n)), np.arange(n)).sum()))
def largest_eigenvalue(n):
    ones = np.ones((n, n))
    return round(1000 * float(np.linalg.eigvalsh(np.tril(ones) + np.tril(ones).T)[-1]))
def determinant(n):
    return round(1000 * float(np.linalg.slogdet(np.eye(n) * 2 + 1 / n)[1]))
def frequencies(n):
    return round(float(np.abs(np.fft.rfft(np.arange(20 * n) % 13)).max()))
def counting(n):
    values, counts = np.unique(np.arange(100 * n) ** 2 % 101, return_counts=True)
    return int(values @ counts)
def averages(n):
    return round(1000 * float(np.arange(100 * n).reshape(n, 100).std(axis=1).mean()))
"""


def kinds() -> dict[str, list[Problem]]:
    """Trivial programs, HumanEval with its own solutions, small work with numpy."""
    return {
        "trivial": [
            _problem(f"add_{n}", f"def add_{n}(a):\n", f"    return a + {n}\n", [(1, n + 1)]) for n in range(100)
        ],
        "HumanEval": load_problems("humaneval"),
        "numpy": list(_numpy()),
    }


def _numpy() -> list[Problem]:
    functions = [f"def {text}" for text in NUMPY.split("def ")[1:]]
    problems = []
    for text in functions:
        head, _, body = text.partition("\n")
        name, space = head[4 : head.index("(")], {}
        exec(f"import numpy as np\n{text}", space)
        answers = [(n, space[name](n)) for n in (10, 40, 80)]
        problems.append(_problem(name, f"import numpy as np\n{head}\n", f"{body}\n", answers))
    return problems


def _problem(name: str, prompt: str, solution: str, answers: list[tuple[int, int]]) -> Problem:
    asserts = "".join(f"    assert candidate({argument}) == {answer}\n" for argument, answer in answers)
    return Problem(
        name=name,
        prompt=prompt,
        entry_point=name,
        tests=f"def check(candidate):\n{asserts}",
        canonical_solution=solution,
    )


def so_many(problems: list[Problem], number: int) -> list[Problem]:
    """Exactly so many: spread over all of them, or all of them again and again."""
    step = max(1, len(problems) // number)
    return list(islice(cycle(problems[::step]), number))


def source(problem: Problem) -> str:
    return f"{problem.prompt}{problem.canonical_solution}"


def whole(problem: Problem) -> str:
    return f"{source(problem)}\n{problem.tests_as_code}"
