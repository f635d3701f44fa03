from __future__ import annotations

import gzip
import hashlib
import json
import sqlite3
from collections import defaultdict
from concurrent.futures import Future
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from script import ROOT

from sampler.backends.base import TextScore
from sampler.backends.replay import ReplayBackend
from sampler.commands import cli
from sampler.commands.rank import ranks_json
from sampler.exit_codes import Exit
from sampler.ranking.evaluation import Inputs, RankDependencies, RankRequest, TextModel
from sampler.ranking.rank_study import rank_study
from sampler.ranking.rankers import RankingError, known
from sampler.reporting.inputs import read_report
from sampler.running.headless import run_study
from sampler.running.run import Dependencies
from sampler.stats.bootstrap import draw_problems, rate_intervals
from sampler.stats.budget import PromptCharge, Unit
from sampler.stats.passk import pass_at_k
from sampler.stats.ranking import rank_score_at_k, selected_at_k
from sampler.store.reader import Reader
from sampler.store.writer import Store
from sampler.study.spec import StudySandbox, load_study
from sandbox.inside import codec
from sandbox.scoring.collect_answers import ProgramAnswers
from sandbox.scoring.scorer import Scorer
from sandbox.values import Answer, Program, Raised, Stage

IMPORTS = "from math import *\n"
REPLAY = ROOT / "examples" / "replay"


class Asker:
    """Has the programs of these tests, which are ours, answer where they stand."""

    def __init__(self) -> None:
        self.asked: list[Program] = []

    def ask(self, program, tests, *, cpu_s=None, patience=0):
        del cpu_s, patience
        self.asked.append(program)
        future: Future[ProgramAnswers] = Future()
        source = program.assumptions.imports + program.source
        answers = tuple(self._answer(source, case) for case in tests.cases)
        future.set_result(ProgramAnswers(answers=answers, cpu_s=0.25, wall_s=0.5, visits=1))
        return future

    def _answer(self, source, case):
        space: dict[str, object] = {}
        try:
            exec(source, space)
            value = space[case.function](*case.arguments)
        except Exception as error:
            return Answer(raised=Raised(stage=Stage.PROGRAM, type=type(error).__name__, message=str(error)))
        return Answer(value=value, data=codec.encode(value))


class LengthScorer:
    """A model that finds a text the likelier the shorter it is: one token a character, each of 0.5 nats."""

    def __init__(self) -> None:
        self.scored: list[str] = []
        self.prompts: list[str] = []
        self.begun: list[str] = []
        self.fail_after: int | None = None

    def score(self, prompt, completion):
        if self.fail_after is not None and len(self.scored) >= self.fail_after:
            raise KeyboardInterrupt
        self.scored.append(completion)
        self.prompts.append(prompt.text)
        self.begun.append(prompt.prefill)
        return TextScore(token_nlls=(0.5,) * len(completion), prompt_tokens=len(prompt.text))


@pytest.fixture
def study(tmp_path, support) -> Path:
    """The store of a study of 3 problems with 4 samples each, half of them right."""
    path = support.write_study(tmp_path)
    asked = load_study(path)
    run_study(asked, support.rule_dependencies(), lambda _event: None)
    return asked.store


def ranked(path: Path, request: RankRequest, *, asker: Asker | None = None, scorer=None, **more):
    opened = more.get("opened", [])

    @contextmanager
    def text_model(name):
        model = TextModel(
            name=name,
            digest=hashlib.sha256(name.encode()).hexdigest(),
            architecture=more["support"].ARCHITECTURE if "support" in more else None,
            scorer=scorer or LengthScorer(),
        )
        yield model

    @contextmanager
    def open_asker(sandbox):
        opened.append(sandbox)
        yield asker or Asker()

    dependencies = RankDependencies(asker=open_asker, text_model=text_model, say=more.get("say", lambda _message: None))
    with Reader(path) as reader:
        row = reader.studies()[0]
    with Store(path) as store:
        return rank_study(store, row, request, dependencies)


def rows(path: Path, sql: str) -> list[tuple]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def truth(path: Path) -> list[list[bool]]:
    """Of each problem, which samples passed."""
    found: dict[int, list[bool]] = defaultdict(list)
    for problem, verdict in rows(
        path, "SELECT problem_id, verdict FROM sample JOIN verdict ON sample.id = sample_id ORDER BY problem_id, idx"
    ):
        found[problem].append(verdict == "PASSED")
    return list(found.values())


def rates(line) -> dict[int, float]:
    return {point.k: point.rate for point in line.points}


def test_rank_score_stands_beside_pass_at_k_and_opinions_are_kept(study):
    (model,) = ranked(study, RankRequest(rankers=("random", "duplicates"), ks=(1, 2, 4))).models
    passed = truth(study)
    assert model.samples == 4
    for k in (1, 2, 4):
        assert rates(model.oracle)[k] == pytest.approx(np.mean([pass_at_k(4, sum(one), k) for one in passed]))
        assert rates(model.lines[0])[k] == pytest.approx(np.mean([sum(one) / 4 for one in passed]))
    assert rates(model.lines[1])[1] == pytest.approx(rates(model.lines[0])[1])
    assert model.lines[0].points[0].interval is not None
    assert rows(
        study, "SELECT name, count(*) FROM ranking JOIN ranker ON ranker.id = ranker_id GROUP BY 1 ORDER BY 1"
    ) == [("duplicates", 12), ("random", 12)]


def test_pass_at_k_has_the_interval_that_a_report_shows_and_is_not_sure_of_a_handful(study):
    """What passes is made to pass always: three solved problems are no proof that all are."""
    with closing(sqlite3.connect(study)) as connection, connection:
        connection.executescript("UPDATE verdict SET verdict = 'PASSED'; UPDATE tally SET passed = scored")
    (model,) = ranked(study, RankRequest(rankers=("random",), ks=(1, 4))).models
    (line,) = read_report(study, units=(Unit.SAMPLES,)).models
    first, last = model.oracle.points
    assert (last.rate, last.interval) == (line.most.rate, line.most.interval)
    assert first.interval == line.first.interval
    assert last.interval.low < 0.6 < last.rate == 1.0


def test_the_frontier_holds_what_no_other_model_k_and_ranker_beats_for_its_cost(study, support):
    report = ranked(
        study, RankRequest(rankers=("random", "shortest", "longest", "duplicates"), ks=(1, 2, 4)), support=support
    )
    every = [
        (point.costs[Unit.SECONDS], point.rate)
        for model in report.models
        for line in model.lines
        for point in line.points
    ]
    best = report.frontiers[Unit.SECONDS]
    assert [one.cost for one in best] == sorted({one.cost for one in best})
    assert [one.rate for one in best] == sorted({one.rate for one in best})
    for cost, rate in every:
        assert any(one.cost <= cost and one.rate >= rate - 1e-9 for one in best)
    assert best[0].k == 1
    assert "Frontier in" in call("rank", study, "--k", "1,2").stdout


def test_models_that_are_complete_on_other_problems_have_no_frontier_together(study):
    """As many problems, but not the same ones."""
    with closing(sqlite3.connect(study)) as connection, connection:
        connection.executescript("""
            INSERT INTO model(id, study_id, name, backend, wanted, position)
              SELECT 99, study_id, 'twin', backend, wanted, 1 FROM model;
            INSERT INTO sample(
              id, model_id, problem_id, idx, seed, completion_sha, program_sha, prompt_shared, created_at)
              SELECT id + 1000, 99, problem_id, idx, seed, completion_sha, program_sha, prompt_shared, created_at
              FROM sample;
            INSERT INTO verdict(sample_id, verdict, ending, cpu_s, wall_s, memory_mb, judge, created_at)
              SELECT sample_id + 1000, verdict, ending, cpu_s, wall_s, memory_mb, judge, created_at FROM verdict;
            CREATE TEMP TABLE twin AS SELECT * FROM tally;
            UPDATE twin SET model_id = 99;
            INSERT INTO tally SELECT * FROM twin;
        """)
    request = RankRequest(rankers=("random",), ks=(1,))
    assert ranked(study, request).frontiers
    with closing(sqlite3.connect(study)) as connection, connection:
        connection.executescript("""
            UPDATE tally SET scored = scored - 1 WHERE model_id = 99 AND problem_id = (SELECT min(id) FROM problem);
            UPDATE tally SET scored = scored - 1 WHERE model_id <> 99 AND problem_id = (SELECT max(id) FROM problem);
        """)
    report = ranked(study, request)
    assert [model.oracle.problems for model in report.models] == [2, 2]
    assert not report.frontiers
    assert "No frontier: the models are not complete on the same problems." in report.notes


def test_a_greedy_sample_stands_beside_the_rankers(study):
    with closing(sqlite3.connect(study)) as connection, connection:
        connection.executescript("""
            INSERT INTO model(id, study_id, name, backend, wanted, position, greedy_of)
              SELECT 99, study_id, 'small (greedy)', backend, 1, 1, id FROM model;
            INSERT INTO tally(model_id, problem_id, sampled, scored, passed)
              SELECT 99, id, 1, 1, name <> 'P/1' FROM problem;
        """)
    (model,) = ranked(study, RankRequest(rankers=("random",), ks=(1,))).models
    assert model.greedy == pytest.approx(2 / 3)
    assert (
        model.greedy_interval
        == rate_intervals(np.array([[1.0], [0.0], [1.0]]), draw_problems(3, np.random.default_rng(0)))[0]
    )
    assert "greedy, one sample" in call("rank", study, "--k", "1").stdout


def test_what_nobody_asked_for_is_left_out_where_it_cannot_be(study):
    with closing(sqlite3.connect(study)) as connection, connection:
        connection.execute("UPDATE sample SET sum_logprob = NULL")
    report = ranked(study, RankRequest(rankers=("mean-logprob", "longest"), explicit=False))
    assert [line.ranker for line in report.models[0].lines] == ["longest"]
    assert "mean-logprob is left out for small: sample 0 of P/0 has no log-probability" in report.notes[0]
    with pytest.raises(RankingError, match="has no log-probability"):
        ranked(study, RankRequest(rankers=("mean-logprob",)))


# --- another model's opinion ------------------------------------------------------------------------------------------


def test_another_models_opinion_is_stored_as_a_mean_and_a_sum_and_not_asked_for_again(study, support):
    scorer = LengthScorer()
    request = RankRequest(rankers=("mean-logprob", "sum-logprob"), model="m", ks=(2,))
    (model,) = ranked(study, request, scorer=scorer, support=support).models
    assert [line.ranker for line in model.lines] == ["mean-logprob@m", "sum-logprob@m"]
    assert len(scorer.scored) == 12
    texts = dict(rows(study, "SELECT sample.id, body FROM sample JOIN text ON sha256 = completion_sha"))
    sums = dict(
        rows(study, "SELECT sample_id, value FROM ranking JOIN ranker ON id = ranker_id WHERE name = 'sum-logprob@m'")
    )
    assert sums == {sample: -0.5 * len(text) for sample, text in texts.items()}
    again = ranked(study, request, scorer=scorer, support=support)
    assert len(scorer.scored) == 12
    assert again.models == (model,)


def test_a_ranking_that_was_broken_off_goes_on_where_it_stopped(study):
    scorer = LengthScorer()
    scorer.fail_after = 5
    request = RankRequest(rankers=("mean-logprob",), model="m")
    with pytest.raises(KeyboardInterrupt):
        ranked(study, request, scorer=scorer)
    scorer.fail_after = None
    ranked(study, request, scorer=scorer)
    assert len(scorer.scored) == 12


def test_another_model_of_the_same_name_is_asked_anew(study):
    scorer = LengthScorer()
    request = RankRequest(rankers=("mean-logprob",), model="m")
    ranked(study, request, scorer=scorer)
    with closing(sqlite3.connect(study)) as connection, connection:
        connection.execute("UPDATE ranker SET digest = 'other'")
    ranked(study, request, scorer=scorer)
    assert len(scorer.scored) == 24


def test_ranking_is_charged_on_request_its_prompt_once_for_a_problem(study, support):
    request = {"rankers": ("sum-logprob",), "model": "m", "ks": (1, 4), "prompt": PromptCharge.ONCE}
    free = ranked(study, RankRequest(**request), support=support).models[0]
    paid = ranked(study, RankRequest(**request, charge=True), support=support).models[0]
    assert free.lines[0].points[1].costs == free.oracle.points[1].costs
    extra = [paid.lines[0].points[n].costs[Unit.FLOPS] - free.lines[0].points[n].costs[Unit.FLOPS] for n in (0, 1)]
    ((prompt, each),) = rows(
        study,
        "SELECT avg(p), avg(e) FROM (SELECT avg(ranking.prompt_flops) AS p, avg(flops) AS e FROM ranking"
        " JOIN ranker ON ranker.id = ranker_id JOIN sample ON sample.id = sample_id WHERE name = 'sum-logprob@m'"
        " GROUP BY problem_id)",
    )
    assert extra == pytest.approx([prompt + each, prompt + 4 * each])
    assert each > 0


def test_an_unknown_cost_is_not_zero(study):
    paid = ranked(study, RankRequest(rankers=("sum-logprob",), model="m", ks=(1,), charge=True))
    assert paid.models[0].lines[0].points[0].costs[Unit.FLOPS] is None


# --- by execution -----------------------------------------------------------------------------------------------------


def generated(folder: Path, tests: dict[str, list[str]]) -> Path:
    path = folder / "generated.jsonl"
    lines = (json.dumps({"task_id": name, "tests": texts}) for name, texts in tests.items())
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_generated_tests_run_in_a_sandbox_like_the_study_s(tmp_path, support):
    """With its packages and its Python, and under its limits: where a program needs numpy, it has it here, too."""
    path = support.write_study(tmp_path)
    path.write_text(
        path.read_text() + '\n[sandbox]\npackages = ["numpy"]\npython = "3.12"\nfresh = true\nmemory_mb = 777\n'
    )
    asked = load_study(path)
    run_study(asked, support.rule_dependencies(), lambda _event: None)
    opened: list[StudySandbox] = []
    request = RankRequest(rankers=("codet",), tests=generated(tmp_path, {"P/0": ["assert f0(1) == 1"]}), ks=(1,))
    ranked(asked.store, request, opened=opened)
    assert opened == [StudySandbox(limits=asked.limits, python="3.12", packages=("numpy",), fresh=True)]
    assert opened[0].limits.memory_mb == 777


def test_generated_tests_run_with_the_imports_of_the_data_set(tmp_path, support):
    asked = load_study(support.write_study(tmp_path))
    problems = tmp_path / "problems.jsonl"
    check = "def check(candidate):\n    assert candidate(1) == 1\n"
    rows = [
        {"task_id": one.name, "prompt": one.prompt, "entry_point": one.entry_point, "check": check, "imports": IMPORTS}
        for one in support.problems(3)
    ]
    problems.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    run_study(asked, support.rule_dependencies(), lambda _event: None)
    tests = generated(tmp_path, {f"P/{n}": [f"assert f{n}(1) == 1"] for n in range(3)})
    asker, said = Asker(), []
    ranked(asked.store, RankRequest(rankers=("codet",), tests=tests, ks=(1,)), asker=asker, say=said.append)
    assert {program.assumptions.imports for program in asker.asked} == {IMPORTS}
    assert not any("imports" in line for line in said)
    problems.unlink()
    rankers = ("codet-product",)
    ranked(asked.store, RankRequest(rankers=rankers, tests=tests, ks=(1,)), asker=(asker := Asker()), say=said.append)
    assert {program.assumptions.imports for program in asker.asked} == {""}
    assert sum("run without the imports that the data set may provide" in line for line in said) == 1


def test_codet_finds_the_right_ones_by_tests_that_are_right(study, tmp_path):
    tests = generated(tmp_path, {f"P/{n}": [f"assert f{n}(1) == 1\nassert f{n}(5) == 5"] for n in range(3)})
    asker = Asker()
    request = RankRequest(
        rankers=("codet", "codet-product", "majority", "mbr-exec"), tests=tests, ks=(1, 2, 4), charge=True
    )
    (model,) = ranked(study, request, asker=asker).models
    passed = truth(study)
    for line in model.lines[:2]:  # f(x) = seed is never 1, so all that pass a test are right
        for k in (1, 2, 4):
            assert rates(line)[k] == pytest.approx(np.mean([pass_at_k(4, sum(one), k) for one in passed]))
    assert rates(model.lines[2]) == pytest.approx(rates(model.lines[3]))
    assert len(asker.asked) == len(set(asker.asked)) == 12  # executed once for all four rankers
    assert model.lines[0].points[0].costs[Unit.SECONDS] == pytest.approx(
        model.oracle.points[0].costs[Unit.SECONDS] + 0.25
    )


def test_a_guess_that_no_program_survives_does_not_silence_the_votes(study, tmp_path):
    texts = [["assert f{n}(1) == 1", "assert f{n}(1, 2, 3) == 1", "assert ____ == f{n}(1)"] for n in range(3)]
    tests = generated(tmp_path, {f"P/{n}": [one.format(n=n) for one in three] for n, three in enumerate(texts)})
    (model,) = ranked(study, RankRequest(rankers=("mbr-exec",), tests=tests, ks=(4,))).models
    expected = [
        1.0 if sum(one) > 1 else sum(one) / 4 for one in truth(study)
    ]  # each wrong program is wrong in its own way
    assert rates(model.lines[0])[4] == pytest.approx(np.mean(expected))
    assert np.mean(expected) > np.mean([sum(one) / 4 for one in truth(study)])


def test_a_problem_without_a_generated_test_has_nothing_to_choose_by(study, tmp_path):
    tests = generated(tmp_path, {"P/0": ["assert f0(1) == 1"], "P/1": ["nothing"]})
    report = ranked(study, RankRequest(rankers=("codet",), tests=tests, ks=(4,)))
    first, *others = truth(study)
    expected = [float(any(first)), *[sum(one) / 4 for one in others]]
    assert rates(report.models[0].lines[0])[4] == pytest.approx(np.mean(expected))
    assert "no test was generated for P/1, so its samples are all equal" in " ".join(report.notes)


def test_a_text_is_put_to_another_model_as_it_was_to_its_own_or_not_at_all(study):
    (study.parent / "problems.jsonl").write_text(
        (study.parent / "problems.jsonl").read_text("utf-8").replace("def f2(x)", "def f2(y)"), encoding="utf-8"
    )
    scorer = LengthScorer()
    with pytest.raises(RankingError, match=r"no problem 'P/2' with the prompt that the samples were made for"):
        ranked(study, RankRequest(rankers=("mean-logprob",), model="m"), scorer=scorer)
    assert set(scorer.prompts) == {"def f0(x):\n", "def f1(x):\n"}


def test_problems_are_read_again_as_the_study_read_them(tmp_path, support):
    """By the columns that its file names."""
    path = support.write_study(tmp_path, more='[problems.map]\nname = "key"\nprompt = "stem"\ntests = "asserts"\n')
    problems = tmp_path / "problems.jsonl"
    told = [json.loads(line) for line in problems.read_text("utf-8").splitlines()]
    rows = [
        {"key": row["task_id"], "stem": row["prompt"], "entry_point": row["entry_point"], "asserts": row["test"]}
        for row in told
    ]
    problems.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    asked = load_study(path)
    run_study(asked, support.rule_dependencies(), lambda _event: None)
    scorer = LengthScorer()
    ranked(asked.store, RankRequest(rankers=("mean-logprob",), model="m"), scorer=scorer)
    stems = [row["stem"] for row in rows]
    assert all(any(stem.strip() in prompt for prompt in scorer.prompts) for stem in stems)


def test_a_text_of_a_hosted_model_is_put_without_a_beginning(study):
    """Nothing was begun for it, so its completion holds the opening fence itself."""
    with closing(sqlite3.connect(study)) as connection, connection:
        connection.execute('UPDATE model SET sampling_json = \'{"style":"chat","dialect":"hosted"}\'')
    scorer = LengthScorer()
    ranked(study, RankRequest(rankers=("mean-logprob",), model="m"), scorer=scorer)
    assert set(scorer.begun) == {""}


def test_answers_that_were_not_kept_are_not_made_up(study):
    with closing(sqlite3.connect(study)) as connection, connection:
        connection.execute("UPDATE verdict SET facts = NULL")
    with pytest.raises(RankingError, match=r"P/0: the facts of a verdict were not kept; .*--tests FILE"):
        ranked(study, RankRequest(rankers=("majority",)))


def test_a_sample_whose_facts_cannot_be_read_counts_as_one_without_answers(study):
    with closing(sqlite3.connect(study)) as connection, connection:
        connection.execute(
            "UPDATE verdict SET facts = x'00' WHERE sample_id = (SELECT sample.id FROM sample"
            " JOIN problem ON problem.id = problem_id WHERE problem.name = 'P/0' AND idx = 0)"
        )
    said: list[str] = []
    ranked(study, RankRequest(rankers=("majority",)), say=said.append)
    assert [line for line in said if "facts cannot be read" in line] == [
        "sample 0 of P/0 by small counts as one without answers: its facts cannot be read; score it again"
    ]


def test_scores_of_a_file_rank_as_they_say(study, tmp_path):
    path = tmp_path / "scores.jsonl"
    lines = [{"task_id": f"P/{p}", "index": n, "score": n} for p in range(3) for n in range(4)]
    path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    (model,) = ranked(study, RankRequest(rankers=("external",), scores=path, ks=(2,))).models
    expected = [rank_score_at_k(range(4), one, 2) for one in truth(study)]
    assert rates(model.lines[0])[2] == pytest.approx(np.mean(expected))


PROBLEM = {
    "task_id": "T/0",
    "prompt": "def f(x):\n",
    "entry_point": "f",
    "canonical_solution": "    return x\n",
    "test": "def check(f):\n    assert f(1) == 1\n    assert f(7) == 7\n",
    "example_test": "def check(f):\n    assert f(1) == 1\n",
}
STUDY = """
[problems]
source = "problems.jsonl"
[[models]]
name = "m"
backend = "replay"
file = "recorded.jsonl"
samples = 5
"""
TEXTS = ["    return x\n", "    return 1\n", "    return x + 1\n", "    return 1 * x\n", "    return 1\n"]


@pytest.mark.docker
def test_selection_tests_and_answers_of_a_real_study(tmp_path, scorer: Scorer):
    """Two right programs, two that pass the selection's test alone and one that passes none."""
    recorded = tmp_path / "recorded.jsonl"
    problems = [PROBLEM, {**PROBLEM, "task_id": "T/1"}]
    (tmp_path / "problems.jsonl").write_text("\n".join(map(json.dumps, problems)), encoding="utf-8")
    lines = [
        {
            "model": "m",
            "task_id": name,
            "index": n,
            "completion": text,
            "finish": "stop",
            "prompt_tokens": 4,
            "completion_tokens": 4,
            "sum_nll": 1.0,
        }
        for name in ("T/0", "T/1")
        for n, text in enumerate(TEXTS)
    ]
    recorded.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    study = tmp_path / "study.toml"
    study.write_text(
        STUDY,
        encoding="utf-8",
    )
    asked = load_study(study)
    run_study(asked, real(scorer), lambda _event: None)
    request = RankRequest(rankers=("selection-tests", "majority", "mbr-exec"), ks=(1, 2, 5))
    chosen, majority, mbr = ranked(asked.store, request).models[0].lines
    for point in chosen.selected:
        expected = selected_at_k(5, 2, 2, point.k)
        assert (point.answered, point.correct) == pytest.approx((expected.answered, expected.correct))
        assert point.coverage == pytest.approx(pass_at_k(5, 2, point.k))
        assert point.false_positive == pytest.approx(0.5)
        for name in ("coverage", "answered", "correct", "false_positive"):
            assert point.intervals[name].low < getattr(point, name) <= point.intervals[name].high
    assert rates(chosen)[5] == pytest.approx(0.5)
    assert rates(majority)[5] == rates(mbr)[5] == pytest.approx(0.5)  # two clusters of two
    shown = ranked(asked.store, RankRequest(rankers=("majority",), inputs=Inputs.SELECTION, ks=(5,))).models[0].lines[0]
    assert rates(shown)[5] == pytest.approx(0.5)  # on the input 1 four of them agree, of which two are right
    told = json.loads(ranks_json(ranked(asked.store, request)))
    assert told["models"][0]["lines"][0]["selected"][0]["coverage"] == pytest.approx(0.4)


def real(scorer: Scorer):
    @contextmanager
    def executor(_study):
        yield scorer

    return Dependencies(
        check=lambda _model, _tell: None, backend=lambda model, _tell: ReplayBackend(model.file), executor=executor
    )


# --- the command ------------------------------------------------------------------------------------------------------


def call(*words: object):
    return CliRunner().invoke(cli, [str(word) for word in words])


def test_the_command_prints_tables_and_json(study):
    shown = call("rank", study, "--k", "1,4")
    assert shown.exit_code == Exit.OK
    for words in ("oracle (pass@k)", "mean-logprob", "duplicates", "k=4", "seconds of k samples", "95%"):
        assert words in shown.stdout
    told = json.loads(call("rank", study, "--ranker", "longest", "--k", "1", "--json").stdout)
    assert [line["ranker"] for line in told["models"][0]["lines"]] == ["longest"]
    assert told["schema"] == 1


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--ranker", "codett"], "did you mean 'codet'?"),
        (["--ranker", "codet"], "name it with --tests"),
        (["--ranker", "external"], "name it with --scores"),
        (["--ranker", "selection-tests"], "no problem has selection tests"),
        (["--ranker", "codet", "--tests", "none.jsonl"], "cannot read tests"),
        (["--with", "smollm3"], "no model 'smollm3'"),
        (["--option", "context=9"], "name a model with it"),
        (["--with", "m", "--option", "context"], "'context' is not an option such as"),
        (["--with", "m", "--option", "a.b=1", "--option", "a=2"], "do not go together"),
        (["--with", "smollm2-135m", "--option", "slots=4"], "no option 'slots' for this backend"),
        (["--with", "m", "--backend", "openai"], "the option base_url is missing"),
        (
            ["--with", "m", "--backend", "openai", "--option", "base_url=localhost"],
            "base_url must be the server's address",
        ),
        (["--with", "m", "--backend", "replay"], "no backend 'replay' scores texts"),
    ],
)
def test_what_cannot_be_ranked_says_what_is_missing(study, words, why):
    said = call("rank", study, *words)
    assert said.exit_code == Exit.USAGE
    assert why in said.stderr


def test_a_server_is_asked_for_its_opinion(study, echoing, monkeypatch):
    monkeypatch.setenv("MY_KEY", "sk-very-secret-0815")
    with echoing.EchoServer() as server:
        echoing.threading.Thread(target=server.serve_forever, daemon=True).start()
        options = [f"--option=base_url={server.url}", "--option=api_key_env=MY_KEY", "--option=attempts=2"]
        said = call("rank", study, "--with", "tiny", "--backend", "openai", *options, "--json")
        server.shutdown()
    assert said.exit_code == Exit.OK, said.stderr
    names = [line["ranker"] for line in json.loads(said.stdout)["models"][0]["lines"]]
    assert names == ["mean-logprob@tiny", "sum-logprob@tiny"]
    assert {seen["key"] for seen in server.seen} == {"Bearer sk-very-secret-0815"}
    assert [n for (n,) in rows(study, "SELECT count(*) FROM ranking GROUP BY ranker_id")] == [12, 12]


@pytest.mark.parametrize("ks", ["0", "1,x", "", "1.5", "-1"])
def test_a_list_of_k_is_of_whole_numbers(study, ks):
    assert call("rank", study, "--k", ks).exit_code == Exit.USAGE


def test_a_store_that_is_not_there_is_not_made(tmp_path):
    assert call("rank", tmp_path / "none.db").exit_code == Exit.STORE
    assert list(tmp_path.iterdir()) == []


def test_names_are_taken_once():
    assert known(["codet", "random", "codet"]) == ("codet", "random")
    with pytest.raises(RankingError, match="there are codet, codet-product"):
        known(["?"])


# --- real numbers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "expected"), [("0.5b", 0.60), ("1.5b", 0.85)])
def test_the_lowest_mean_nll_of_ten_turns_the_order_of_the_recorded_models_round(size, expected):
    """With tests to choose by both solve 0.90 of the problems."""
    groups: dict[str, list[tuple[float, bool]]] = defaultdict(list)
    name = f"qwen2.5-coder-{size}-instruct_HumanEval20_n10.jsonl.gz"
    for line in gzip.decompress((REPLAY / name).read_bytes()).splitlines():
        row = json.loads(line)
        groups[row["task_id"]].append((-row["sum_nll"] / row["completion_tokens"], row["passed"]))
    values = [rank_score_at_k(*zip(*group, strict=True), 10) for group in groups.values()]
    assert (len(groups), np.mean(values)) == (20, pytest.approx(expected))


@pytest.mark.docker
@pytest.mark.usefixtures("scorer")  # skips where there is no engine
def test_generated_tests_are_executed_in_boxes(study, tmp_path):
    tests = generated(tmp_path, {f"P/{n}": [f"assert f{n}(1) == 1\nassert sum([f{n}(5)]) == 5"] for n in range(3)})
    said = call("rank", study, "--ranker", "codet", "--tests", tests, "--k", "4", "--boxes", "1", "--json")
    assert said.exit_code == Exit.OK
    (line,) = json.loads(said.stdout)["models"][0]["lines"]
    assert line["points"][0]["rate"] == pytest.approx(np.mean([any(one) for one in truth(study)]))
