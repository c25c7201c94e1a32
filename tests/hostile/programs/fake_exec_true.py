# title: becomes a program that ends with status 0, inside the call
# mode: values
# expect: INCOMPLETE
# guard: subprocess
# proof: BELIEVED
# case: add(2, 3) == 5
import os


def add(a, b):
    print("ATTEMPT", flush=True)
    os.execv("/usr/bin/env", ["env"])
