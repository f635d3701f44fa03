"""Make a verdict from facts. Pure functions (no box, file or clock), so everything can be judged again.

`judge` decides; `compare` compares an answer, and `output` printed output, with what is expected. `explaining` says why
to a person, and where two values differ. `merged_tests` lets one visit serve two sets of tests, `score_records` keeps
what a verdict was made from.
"""
