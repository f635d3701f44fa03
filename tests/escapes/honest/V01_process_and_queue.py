import multiprocessing
def work(queue):
    queue.put(42)
def answer():
    queue = multiprocessing.Queue()
    process = multiprocessing.Process(target=work, args=(queue,))
    process.start()
    result = queue.get()
    process.join()
    return result
