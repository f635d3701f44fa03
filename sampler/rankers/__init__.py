"""Rankers: which of k samples to hand out when nobody may look at the judge's tests.

A ranker is a pure function from the samples of one problem, and whatever evidence it needs beside them, to a *ranking*.
There are two kinds, and statistics treat them differently (`sampler.stats.ranking`):

* **scores**, one for each sample, the same whichever others are there: `length`, `logprob` (the sampling model's own,
  or another model's), `external`, `selection`, `chance`;
* **votes**, where samples that agree support each other, so that a score depends on who else was drawn: `duplicates`
  (the same program but for its looks), `majority` and `mbr` (the same answers), `codet` (the same generated tests
  passed).

Evidence is made elsewhere and comes in as data: `generated` reads tests that a model wrote, `execution` has programs
answer calls in the sandbox, a `Scorer` of `sampler.backends` says how probable a model finds a text. Samples are
hostile text; nothing here runs any of it. What a ranker cannot score it puts last, with -inf; what it lacks altogether,
it says in a RankingError.
"""
