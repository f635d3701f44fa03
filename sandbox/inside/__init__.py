"""Code that runs inside a box: standard library only, no import of any other package of ours.

Processes, and what each may see:

* The *supervisor* is process 1 of the container, uid 0 with three capabilities (SETUID, SETGID, KILL). It holds no
  secret that outlives a visit. It reads jobs from the host, enforces the limits, reads output through bounded readers
  and reports facts.
* The *zygote* is its child: a warm interpreter that forks and never sees a job, so that no candidate finds the text of
  another one in its memory. It reaps its children and reports how they ended.
* A *runner* is a fork of the zygote for a program that is run again and again with other inputs. Under the program's
  uid it compiles the program, then forks as the zygote does; it never runs a line of it. Its candidates cannot read its
  memory but can stop or kill it. It ends as soon as one of them leaves something behind, and always before another
  program is run.
* The *candidate* is a fork of the zygote or of a runner, under a uid that no other program has had before. It is
  hostile. It talks to the supervisor through pipes made for this visit alone, and what it reports is a claim.
* The *cleaner* is a fork of the zygote that waits until a candidate leaves something behind. It takes the candidate's
  uid, kills everything of that uid in one system call and empties the scratch directories. It is forked in advance,
  because after a fork bomb there may be no room for another process.

Worst case: a candidate breaks the supervisor or cannot be cleaned up. Then process 1 exits, the kernel ends every
process of the container, and the host throws the container away.

Read it in this order, as one program is run:

1. `supervisor`: takes an order, and proves afterwards that the box is clean; `limited_run`: runs one program under its
   limits; `usage`: what it uses and how long it waits; `process_handles`: the supervisor's handles of the other
   processes; `cleanup`: finds and removes what a program leaves behind.
2. `zygote`: forks the candidate; `privileges`: from root to the program's uid; `environment`: what the program finds.
3. `candidate`: runs the program; `answers`: its functions are called; `test_runner`: tests that are code are run;
   `test_replay`: such tests are run over another program's answers.
4. `wire` and `codec`: the bytes between all of them and the host.

The host imports `wire`, `codec`, `environment`, `test_runner` and `test_replay` from here, so that both sides use one
format. What the host wrote is trusted; `wire` and `codec` read what a box wrote and trust nothing.
"""
