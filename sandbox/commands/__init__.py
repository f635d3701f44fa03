"""Define the commands of `sandbox`, by what they work on.

Each command is imported when it runs. What they share: `command_line` (lazy groups, exit codes), `scoring_options`
(limits, images, isolation) and `problem_options` (reading a file of problems).
"""
