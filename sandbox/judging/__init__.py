"""From facts to a verdict. Pure: no box, no file, no clock, so whatever is judged here can be judged again.

`judge` decides; `compare` holds an answer, `output` what was printed, against what is expected. `explaining` says why
to a person, and `difference` where two values part. `merged_tests` lets one visit serve two sets of tests, `facts`
keeps what a verdict was made from.
"""
