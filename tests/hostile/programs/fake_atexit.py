# title: a wrong answer, then os._exit(0) from an exit handler
# mode: values
# expect: WRONG_ANSWER
# guard: subprocess
# proof: BELIEVED
# case: add(2, 3) == 5
import atexit
import os


def add(a, b):
    print("ATTEMPT", flush=True)
    return 0


atexit.register(os._exit, 0)
