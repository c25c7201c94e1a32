# title: the judged process ends with status 0 and leaves a child behind in its place
# mode: values
# expect: INCOMPLETE
# guard: subprocess
# proof: BELIEVED
# case: add(2, 3) == 5
import os
import time


def add(a, b):
    print("ATTEMPT", flush=True)
    if os.fork():
        os._exit(0)
    for number in range(3):
        os.close(number)
    time.sleep(5)
    os._exit(0)
