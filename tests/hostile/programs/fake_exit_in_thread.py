# title: a second thread ends the process with status 0 while the call waits
# mode: values
# expect: INCOMPLETE
# guard: subprocess
# proof: BELIEVED
# case: add(2, 3) == 5
import os
import threading
import time


def add(a, b):
    print("ATTEMPT", flush=True)
    threading.Thread(target=os._exit, args=(0,)).start()
    time.sleep(30)
