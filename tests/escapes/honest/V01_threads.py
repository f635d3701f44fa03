import threading
from concurrent.futures import ThreadPoolExecutor
total = 0
lock = threading.Lock()
def add(amount):
    global total
    with lock:
        total += amount
def answer():
    threads = [threading.Thread(target=add, args=(1,)) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with ThreadPoolExecutor(4) as pool:
        return total + sum(pool.map(lambda x: x * 2, [1, 2, 3, 10]))
