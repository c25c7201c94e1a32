# title: an alarm's handler ends the process with status 0 while the call waits
# mode: values
# expect: INCOMPLETE
# guard: subprocess
# proof: BELIEVED
# case: add(2, 3) == 5
import os
import signal
import time


def add(a, b):
    print("ATTEMPT", flush=True)
    signal.signal(signal.SIGALRM, lambda number, frame: os._exit(0))
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    time.sleep(30)
