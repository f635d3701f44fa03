"""Programs per second in other languages: our boxes, `docker run` for each program, and plain subprocesses.

All sides use the same compiler or runtime of the same image, on one core, and the same programs, each another text, so
that nothing is compiled twice. The plain side is one container without walls of ours, in which a loop starts compiler
and program for each; it has no precompiled header. Rounds alternate and the median counts, so that a noisy machine
slows every side alike.

    python tests/bench/languages.py [--rounds 3] [--programs 6] [--languages cpp,javascript]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing

from sandbox.boxes.docker_client import DockerClient
from sandbox.boxes.image import ImageSpec, ensure_image, toolchain_reference
from sandbox.languages import Language, chosen_languages
from sandbox.scoring.scorer import Scorer, open_scorer
from sandbox.values import Limits, Program, StdinTest, StdinTests, Verdict

CORE = "0"
SOURCES = {
    "cpp": """#include <bits/stdc++.h>
using namespace std;
int main() { int n; cin >> n; vector<vector<pair<int, int>>> to(n);
for (int i = 0; i + 1 < n; i++) to[i].push_back({i + 1, 2});
priority_queue<pair<int, int>, vector<pair<int, int>>, greater<>> q; map<int, int> far; q.push({0, 0});
while (!q.empty()) { auto [d, v] = q.top(); q.pop(); if (far.count(v)) continue; far[v] = d;
for (auto [w, c] : to[v]) q.push({d + c, w}); }
ostringstream out; out << far[n - 1] + NUMBER; cout << out.str() << endl; }
""",
    "javascript": """const n = Number(require("fs").readFileSync(0, "utf8")); const far = new Map([[0, 0]]);
for (let i = 0; i + 1 < n; i++) far.set(i + 1, far.get(i) + 2); console.log(far.get(n - 1) + NUMBER);
""",
    "java": """import java.util.*;
public class Main { public static void main(String[] a) { int n = new Scanner(System.in).nextInt();
Map<Integer, Integer> far = new HashMap<>(); far.put(0, 0);
for (int i = 0; i + 1 < n; i++) far.put(i + 1, far.get(i) + 2); System.out.println(far.get(n - 1) + NUMBER); } }
""",
    "go": """package main
import "fmt"
func main() { var n int; fmt.Scan(&n); far := map[int]int{0: 0}
for i := 0; i+1 < n; i++ { far[i+1] = far[i] + 2 }; fmt.Println(far[n-1] + NUMBER) }
""",
    "rust": """use std::collections::HashMap;
fn main() { let mut s = String::new(); std::io::stdin().read_line(&mut s).unwrap();
let n: i32 = s.trim().parse().unwrap(); let mut far = HashMap::from([(0, 0)]);
for i in 0..n - 1 { far.insert(i + 1, far[&i] + 2); }
println!("{}", far[&(n - 1)] + NUMBER); }
""",
}
STDIN, ANSWER = "50\n", 98
# In a container: reads a list of sources and runs each, with its compiler first. Prints the seconds of each.
LOOP = """import json, os, subprocess, sys, time
told = json.load(sys.stdin); os.makedirs("/tmp/out"); os.makedirs("/run/program", exist_ok=True); os.chdir("/tmp")
for number, source in told["programs"]:
    began = time.perf_counter()
    where = told["file"] if told["compile"] else "/run/program/" + told["file"]
    with open(where, "w") as file: file.write(source)
    if told["compile"]:
        subprocess.run(told["compile"], check=True)
    words = [word.replace("/run/program", "/tmp/out") if told["compile"] else word for word in told["run"]]
    said = subprocess.run(words, input=told["stdin"], capture_output=True, text=True, check=True).stdout
    assert said.strip() == str(number), said
    print(time.perf_counter() - began)
"""


def programs(language: str, count: int, salt: int) -> list[tuple[int, str]]:
    """Return the expected answers and the texts of programs that are all different."""
    numbers = [salt * 1000 + number for number in range(count)]
    return [(ANSWER + number, SOURCES[language].replace("NUMBER", str(number))) for number in numbers]


def in_boxes(
    scorer: Scorer, language: Language, asked: list[tuple[int, str]], peaks: dict[str, float] | None = None
) -> Iterator[float]:
    """Yield the seconds of each program in our boxes; `peaks` gets the most memory of program and compiler, in MB."""
    for answer, source in asked:
        tests = StdinTests(cases=(StdinTest(stdin=STDIN.encode(), expected=f"{answer}\n".encode()),))
        began = time.perf_counter()
        score = scorer.score(Program(source=source, tests=tests, language=language.name))
        yield time.perf_counter() - began
        assert score.verdict is Verdict.PASSED, score
        if peaks is not None:
            compiled = score.compilation.run.memory_mb if score.compilation is not None else 0.0
            for name, used in (("program", score.run.memory_mb), ("compiler", compiled)):
                peaks[name] = max(peaks.get(name, 0.0), used or 0.0)


def in_a_loop(language: Language, asked: list[tuple[int, str]]) -> Iterator[float]:
    """Yield the seconds of each program as a plain subprocess, in one container."""
    source = asked[0][1]
    how = language.compile
    words = language.words(how.command, source, 768) if how else ()
    told = {
        "programs": asked,
        "file": language.file_name(source),
        "compile": [word for word in words if word != "-I/opt/header"],
        "run": language.words(language.run, source, 512),
        "stdin": STDIN,
    }
    image = reference(language)
    command = ["docker", "run", "--rm", "-i", f"--cpuset-cpus={CORE}", "--network=none", "--entrypoint=/opt/box/python"]
    done = subprocess.run(
        [*command, image, "-c", LOOP], input=json.dumps(told), capture_output=True, text=True, check=True
    )
    yield from map(float, done.stdout.split())


def by_docker_run(language: Language, asked: list[tuple[int, str]]) -> Iterator[float]:
    """Yield the seconds of each program in a container of its own."""
    for one in asked:
        began = time.perf_counter()
        list(in_a_loop(language, [one]))
        yield time.perf_counter() - began


def reference(language: Language) -> str:
    """Return an image that both compiles and runs the language."""
    toolchain = language.toolchain
    assert toolchain is not None
    return toolchain_reference(toolchain)


def rate(seconds: list[float]) -> str:
    """Return programs per second, and the median and the 99th percentile of the times of one."""
    per_second = len(seconds) / sum(seconds)
    p99 = sorted(seconds)[min(len(seconds) - 1, int(0.99 * len(seconds)))]
    return f"{per_second:8.2f}/s   median {1000 * statistics.median(seconds):7.0f} ms   p99 {1000 * p99:7.0f} ms"


def cached(scorer: Scorer, language: Language) -> tuple[float, float]:
    """Return the seconds of the first and of 20 more requests for the same program."""
    asked = programs(language.name, 1, 99) * 21
    first, *rest = in_boxes(scorer, language, asked)
    return first, sum(rest) / len(rest)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--programs", type=int, default=6)
    parser.add_argument("--languages", default="cpp,javascript")
    chosen = parser.parse_args()
    with closing(DockerClient()) as engine, open_scorer(Limits(wall_s=60), boxes=1, say=print) as scorer:
        for language in chosen_languages(chosen.languages):
            for toolchain in {language.toolchain, language.image} - {None}:
                ensure_image(engine, ImageSpec(toolchain=toolchain), say=print)
            if language.image is not None and language.compile is not None and language.image != language.toolchain:
                print(f"{language.title}: two images, so no peer has both compiler and runtime; ours alone")
            list(in_boxes(scorer, language, programs(language.name, 1, 98)))  # opens the boxes
            peaks: dict[str, float] = {}
            sides: dict[str, Callable[[list[tuple[int, str]]], Iterator[float]]] = {
                "our boxes": lambda asked, one=language, peaks=peaks: in_boxes(scorer, one, asked, peaks),
            }
            if language.image is None or language.image == language.toolchain:
                sides["plain subprocesses"] = lambda asked, one=language: in_a_loop(one, asked)
                sides["docker run"] = lambda asked, one=language: by_docker_run(one, asked)
            taken: dict[str, list[float]] = {name: [] for name in sides}
            for number in range(chosen.rounds):
                for name, side in sides.items():
                    taken[name] += side(programs(language.name, chosen.programs, number + 1))
            print(f"\n{language.title}")
            for name, seconds in taken.items():
                times = sum(seconds) / sum(taken["our boxes"])
                print(f"  {name:20} {rate(seconds)}   {times:6.2f} × ours")
            print(
                f"  most memory in a box: {', '.join(f'{name} {used:.0f} MB' for name, used in peaks.items() if used)}"
            )
            first, again = cached(scorer, language)
            print(f"  the same program again: {1000 * first:.0f} ms, then {1000 * again:.1f} ms each")


main()
