# Right only if a limit with a ceiling could be raised, or one of a process of ours changed.
import os
import resource

KINDS = [getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_")]
FREE = resource.RLIM_INFINITY


def answer():
    for kind in KINDS:
        soft, hard = resource.getrlimit(kind)
        more = [(hard, hard + 1), (FREE, FREE)] if hard != FREE else []
        for target, wanted in [(0, pair) for pair in more] + [(1, (1, hard)), (os.getppid(), (1, hard))]:
            try:
                resource.prlimit(target, kind, wanted)
            except (OSError, ValueError):
                continue
            if target or resource.getrlimit(kind)[1] != hard:  # asking for more is tolerated, and gets no more
                return 42
    soft, hard = resource.getrlimit(resource.RLIMIT_CPU)
    return 42 if soft == FREE or soft != hard else 41
