# K17, K23, X09: handlers, alarms, timers, masks, lower limits, descriptors for events: all within its own process.
import faulthandler
import os
import resource
import select
import signal
import threading
import time
import tracemalloc


def answer():
    got = []
    signal.signal(signal.SIGUSR1, lambda *_: got.append("usr1"))
    signal.signal(signal.SIGALRM, lambda *_: got.append("alarm"))
    os.kill(os.getpid(), signal.SIGUSR1)
    signal.raise_signal(signal.SIGUSR1)
    signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    signal.pause()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2})
    os.kill(os.getpid(), signal.SIGUSR2)
    got.append(signal.sigwait({signal.SIGUSR2}) == signal.SIGUSR2)
    resource.setrlimit(resource.RLIMIT_NOFILE, (100, 256))
    faulthandler.enable()
    faulthandler.dump_traceback_later(60)
    faulthandler.cancel_dump_traceback_later()
    tracemalloc.start()
    counter, poll = os.eventfd(1), select.epoll()
    poll.register(counter, select.EPOLLIN)
    got += [len(poll.poll(1)), os.eventfd_read(counter), os.cpu_count() >= 1, len(os.sched_getaffinity(0)) >= 1, os.getloadavg()[0] >= 0]
    time.sleep(0.001)
    os.sched_yield()
    return 42 if got == ["usr1"] * 3 + ["alarm", True, 1, 1, True, True, True] else got
