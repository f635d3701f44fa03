"""Arrange widgets on screens, and hold the reader's choices.

Pure functions above each class make its texts.
"""

# By their keys, from 0.
SCREENS = ("runs", "live", "curves", "samples", "failures", "problems", "compare", "system", "more")
