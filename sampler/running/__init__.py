"""Running a study.

What is left to do is sampled and scored, watched by whoever listens, until it is done or stopped.
"""
