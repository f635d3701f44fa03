"""Boxes for programs elsewhere, over HTTP: the theory of `sandbox serve`.

Who asks is trusted with our processors, not with our host: it hands over programs and problems, and gets facts and
verdicts. Three ways to ask: `score_api` is ours (a problem and completions in, verdicts out); `sandboxfusion` and
`piston` speak what other people's clients speak already (a program in, what became of it out). Each is a pair of pure
functions, from JSON to jobs and from runs to JSON. `admission` lets a bounded number of programs wait, takes the time
of waiting apart from the time of running, and counts. `app` alone knows of HTTP, `server` of the server behind it. A
request that cannot be served is a `Refused` with its status; our fault is told in each protocol's own words for it,
and never as a verdict.

Worst cases: a client that leaves takes its waiting programs along and wastes at most those that are in a box; a full
queue refuses with the time after which to come again; an engine that stays away ends the server with an error, so that
whoever started it knows.
"""
