"""The arithmetic of a comparison at equal budget, without any import of ours.

`passk`: the chance that k samples hold a correct one. `budget`: how many samples an amount of a cost unit buys.
`ranking`: the chance that the one sample chosen of k is correct, by scores, votes or tests.
`bootstrap`: how sure we are, by resampling problems. `curves`: the three put together, one point for every k. Every
function says when its value is undefined (it raises or answers None, it never invents one), names its source, and takes
its randomness as an argument.
"""
