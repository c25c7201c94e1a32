# title: sixteen threads with a queue
# mode: program
# expect: ACCEPTED
# guard: none
# stdout: '120\n'
import queue
import threading

results = queue.Queue()
threads = [threading.Thread(target=results.put, args=(number,)) for number in range(16)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(sum(results.get() for _ in threads))
