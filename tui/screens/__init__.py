"""Arrange widgets on screens, and hold the reader's choices.

Pure functions above each class make its texts.
"""

SCREENS = ("runs", "live", "curves", "samples", "failures", "problems", "compare", "system")  # by their keys, from 0
