# title: an exception hook that turns the failed assertion into status 0
# mode: values
# expect: WRONG_ANSWER
# guard: subprocess
# proof: BELIEVED
# case: add(2, 3) == 5
import os
import sys

sys.excepthook = lambda *error: os._exit(0)


def add(a, b):
    print("ATTEMPT", flush=True)
    return 0
