"""What runs inside a box: standard library only, no import of anything else of ours.

Actors, and who trusts whom:

* the *supervisor* is process 1 of the container, uid 0 with three capabilities (SETUID, SETGID, KILL) and no secret that
  outlives a visit. It reads jobs from the host, enforces the limits, reads output through bounded readers and reports facts.
* the *zygote* is its child: a warm interpreter that forks and never sees a job, so that no candidate finds another one's
  text in its memory. It reaps its children and reports how they ended.
* the *candidate* is a fork of the zygote under a uid that nobody has had before. It is hostile. It talks to the supervisor
  through pipes made for this visit alone, and what it says counts as a claim.
* the *cleaner* is a fork of the zygote that waits for the day when a candidate leaves something behind. It takes the
  candidate's uid, kills everything of that uid in one system call and empties the scratch directories. It is forked in
  advance, because after a fork bomb there may be no room for another process.

Worst case: a candidate breaks the supervisor or cannot be cleaned up. Then process 1 exits, the kernel ends every process
of the container, and the host throws the container away.

The host imports `wire` from here, so that both sides speak one language; nothing else crosses.
"""
