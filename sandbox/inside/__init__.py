"""What runs inside a box: standard library only, no import of anything else of ours.

Actors, and who trusts whom:

* the *supervisor* is process 1 of the container, uid 0 with three capabilities (SETUID, SETGID, KILL) and no secret
  that outlives a visit. It reads jobs from the host, enforces the limits, reads output through bounded readers and
  reports facts.
* the *zygote* is its child: a warm interpreter that forks and never sees a job, so that no candidate finds another
  one's text in its memory; before the first it goes through visits of its own, so that its code is quick. It reaps its
  children and reports how they ended.
* the *runner* is a fork of the zygote for a program that comes again and again with other inputs. Under the program's
  uid it compiles the program, and then forks as the zygote does; it never runs a line of it. Its candidates cannot look
  into it but can stop or kill it. It goes as soon as one of them leaves something behind, and in any case before
  another program comes.
* the *candidate* is a fork of the zygote, or of a runner, under a uid that no other program has had before. It is
  hostile. It talks to the supervisor through pipes made for this visit alone, and what it says counts as a claim.
* the *cleaner* is a fork of the zygote that waits for the day when a candidate leaves something behind. It takes the
  candidate's uid, kills everything of that uid in one system call and empties the scratch directories. It is forked in
  advance, because after a fork bomb there may be no room for another process.

Worst case: a candidate breaks the supervisor or cannot be cleaned up. Then process 1 exits, the kernel ends every
process of the container, and the host throws the container away.

The host imports `orders`, `uids`, `places`, `imports`, `wire` and `codec` from here, so that both sides speak one
language; nothing else crosses. `orders` is for the way in and believes what it reads; `wire` and `codec` are for the
way out and believe nothing.
"""
