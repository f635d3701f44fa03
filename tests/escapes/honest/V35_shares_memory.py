# N09, X06: shared memory, semaphores, queues and managers of the library, under names and without.
import mmap
import multiprocessing
import os
from multiprocessing import shared_memory


def add(name, lock, total):
    block = shared_memory.SharedMemory(name)
    with lock:
        block.buf[0] += 20
        total.value += 1
    block.close()


def answer():
    block, lock, total = shared_memory.SharedMemory(create=True, size=100), multiprocessing.Lock(), multiprocessing.Value("i", 0)
    block.buf[0] = 2
    workers = [multiprocessing.Process(target=add, args=(block.name, lock, total)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    found, ready = block.buf[0], multiprocessing.Event()
    block.close()
    block.unlink()
    quiet = mmap.mmap(-1, 4096)
    if os.fork() == 0:
        quiet[:2] = b"ok"
        ready.set()
        os._exit(0)
    ready.wait()
    with multiprocessing.Manager() as manager:
        table = manager.dict(a=1)
        return found if total.value == 2 and quiet[:2] == b"ok" and table["a"] == 1 else -1
