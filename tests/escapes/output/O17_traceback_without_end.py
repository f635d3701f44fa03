# A chain of causes and a group of groups, deeper than anybody can print.
error = None
for number in range(100_000):
    following = ValueError(number)
    following.__cause__ = error
    error = following
for number in range(1000):
    error = ExceptionGroup("x" * 100, [error, ValueError(number)])
raise error
