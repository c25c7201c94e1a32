# title: os._exit(0) inside the judged call
# mode: values
# expect: INCOMPLETE
# guard: subprocess
# proof: BELIEVED
# case: add(2, 3) == 5
import os


def add(a, b):
    print("ATTEMPT", flush=True)
    os._exit(0)
