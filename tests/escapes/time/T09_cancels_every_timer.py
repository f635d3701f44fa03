# Whatever alarm a harness may have set in this process is taken away before the loop.
import ctypes
import signal

libc = ctypes.CDLL(None)
signal.alarm(0)
for which in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF):
    signal.setitimer(which, 0)
for number in (signal.SIGALRM, signal.SIGVTALRM, signal.SIGPROF, signal.SIGXCPU, signal.SIGTERM):
    signal.signal(number, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
for timer in range(64):
    libc.timer_delete(ctypes.c_void_p(timer))
while True:
    pass
