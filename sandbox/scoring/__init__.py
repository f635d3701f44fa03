"""Score programs: connect the boxes, the judge and the problems.

**One strategy for each kind of tests.** A strategy is a function from a job and the visits it may make to a score
(`strategy.Strategy`): it runs the program in boxes as often as its kind of tests needs, then lets `judging` decide. The
table `Scorer.strategies` names the strategy for each type of tests, and nothing else chooses by kind:

- `CallTests`, `ReferenceTests`: `call_tests`. The candidate answers, the host compares. A `ReferenceTests` set has no
  expected answers; `references` asks the data set's own solution for them, in the grader box, once.
- `StdinTests`: `stdin_tests`. A whole program, one process for each case; the host compares what was printed, or
  `ask_checker` asks the data set's checker (`testlib_programs`, if that is no Python).
- `InteractiveTests`: `interactive_tests`. A whole program talks with an interactor, each in its own box.
- `LanguageTests`: `language_tests`. A function of another language answers calls; another program, which the candidate
  is no part of, says what is expected. Tests that are more than calls run beside the function.
- `CheckTests`: `grader_tests`. Tests that are code run in the grader box over the candidate's answers.
- `str`, or no tests: `grader_tests.score_in_process`. One visit; the tests, if any, run in the candidate's process.

**What a strategy is given.** `job` holds the program with its tests, and the limits of one visit. `visits` is all that
a strategy may do to the world: `visits.candidate(job)` runs a job in the candidate's box, `visits.grader(program, job)`
runs code of the data set in a box that never holds a candidate's code, and `visits.other(role, job)` runs a job in any
other box: one with another image, or one that compiles what another box runs. A box of a role is opened when it is
first visited, and belongs to the thread; so a strategy needs no locks. Every visit returns a `Run` (facts). It raises
where the fault is ours, and a strategy lets that pass: it is never a verdict. `visits.options` are the options of the
scorer.

**What a strategy keeps to.** The visits of one sample share a budget of wall time (`Limits.sample_wall_s`), whatever
their number. Expected values never enter a candidate's box. What it learns about a set of tests it may keep in itself,
for other programs and other threads. It decides no verdict: that is `judging.judge`, so that stored facts can be
judged again (`judging.score_records` chooses by the type of tests, too).

**To add a kind:** a type of tests in `sandbox.values`, a strategy in a module here, its line in `Scorer.strategies`,
and how its facts are judged, explained and judged again in `sandbox.judging`.

`scorer` opens pools and takes one program after another; selection tests are scored by the same table, apart from the
tests that give the verdict. Where programs are compared with each other, `collect_answers` gets every answer.
`compiler` runs programs of other languages than Python.
`samples` and `scorefile` are for files, which can be judged again without a box.
"""
