"""Run a study.

Missing samples are drawn and scored until the study is complete or stopped; subscribers get its events.
"""
