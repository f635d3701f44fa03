"""Code that runs inside a box: standard library only, no import of any other package of ours.

Processes, and what each may see:

* The *supervisor* (`supervisor`) is process 1 of the container, uid 0 with three capabilities (SETUID, SETGID, KILL).
  It holds no secret that outlives a visit. It reads jobs from the host, enforces the limits, reads output through
  bounded readers and reports facts.
* The *zygote* (`zygote`) is its child: a warm interpreter that forks and never sees a job, so that no candidate finds
  the text of another one in its memory. It reaps its children and reports how they ended.
* A *runner* is a fork of the zygote for a program that is run again and again with other inputs. Under the program's
  uid it compiles the program, then forks as the zygote does; it never runs a line of it. Its candidates cannot read its
  memory but can stop or kill it. It ends as soon as one of them leaves something behind, and always before another
  program is run.
* The *candidate* (`candidate`) is a fork of the zygote or of a runner, under a uid that no other program has had
  before. It is hostile. It talks to the supervisor through pipes made for this visit alone, and what it reports is a
  claim.
* The *cleaner* (`residue`) is a fork of the zygote that waits until a candidate leaves something behind. It takes the
  candidate's uid, kills everything of that uid in one system call and empties the scratch directories. It is forked in
  advance, because after a fork bomb there may be no room for another process.

Worst case: a candidate breaks the supervisor or cannot be cleaned up. Then process 1 exits, the kernel ends every
process of the container, and the host throws the container away.

Where to look:

* process 1: one visit (`visit`), its limits (`deadline`, `usage`), its handles of the other processes
  (`process_handles`), what a program leaves behind (`residue`), keeping our own code in memory (`memory_lock`)
* forking: `zygote`, `fork_protocol`, from root to a program's uid (`privileges`), what a program finds (`interpreter`)
* candidate: `candidate`, calls and their answers (`call_runner`), tests (`test_runner`, `test_replay`), `exceptions`
* both sides: `layout`, `imports`, `job_encoding`, `wire`, `codec`

The host imports `layout`, `imports`, `job_encoding`, `wire`, `codec` and `test_runner` from here, so that both sides
use one format. `job_encoding` reads what the host wrote and trusts it; `wire` and `codec` read what a box wrote and
trust nothing. `isolation_probe` is sent as a program, to try what a box must forbid.
"""
