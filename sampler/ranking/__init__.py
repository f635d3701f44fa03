"""Choose which of k samples to hand out without the judge's tests, and measure what the choice is worth.

A ranker is a pure function from the samples of one problem, and the evidence it needs, to a *ranking*. There are two
kinds (`rankers`), which statistics treat differently (`sampler.stats.ranking`):

* **scores**, one for each sample, the same whichever others are there: length, log-probability (the
  sampling model's own, or another model's), scores from a file, selection tests, chance;
* **votes**, where samples that agree support each other: duplicates (the same program except for its
  style), majority and MBR-EXEC (the same answers), CodeT (the same generated tests passed).

Evidence comes in as data (`evidence`): `generated_tests` reads tests that a model wrote, programs answer calls in the
sandbox, and a `TextScorer` of `sampler.backends` says how probable a model finds a text. `rank_study` ranks the samples
of a store, and `evaluation` measures what the choice is worth. Samples are hostile text, and
nothing here runs it. A sample that a ranker cannot score is last, with -inf; a ranker that lacks its evidence raises
RankingError.
"""
