# title: a thread that waits for the main one's failure and ends the process with status 0
# mode: values
# expect: WRONG_ANSWER
# guard: subprocess
# proof: BELIEVED
# case: add(2, 3) == 5
import os
import threading


def outlast():
    threading.main_thread().join()
    os._exit(0)


def add(a, b):
    print("ATTEMPT", flush=True)
    threading.Thread(target=outlast).start()
    return 0
