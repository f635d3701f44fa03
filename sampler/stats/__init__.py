"""Compute comparisons at equal budget, without any import of our other packages.

`passk`: the chance that k samples hold a correct one; one point for every k, and bands that hold a whole curve.
`budget`: how many samples an amount of a cost unit buys. `stopping`: the same by each problem's own cost or sample by
sample, what it costs to stop at the first pass, and what a solution costs. `reliability`: whether all, or most, of k
samples are correct. `bootstrap`: how sure a mean is, by resampling problems. `differences`: two models on the same
problems. `signflip`: claims of who leads, corrected. `betabinomial`: beyond the samples that were drawn. `allocation`:
which model to ask when there are several. `ranking`: the chance that the sample chosen from k is correct, by scores,
votes or tests. `trees`: what drafts with repairs reach. `short_m_at_k`: what waiting for the shortest thoughts reaches.
`sequential`: when a study may stop early. Every function documents when its value is undefined (it raises or returns
None), names its source, and takes its random generator as an argument.
"""
