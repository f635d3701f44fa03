"""Screens: they arrange widgets and hold what the reader has chosen.

Pure functions above each class decide what it says.
"""

SCREENS = ("runs", "live", "curves", "samples", "failures", "problems", "compare", "system")  # by their keys, from 0
