# title: becomes a program that ends with status 0, before the tests are over
# mode: split
# expect: INCOMPLETE
# guard: subprocess
# proof: BELIEVED
# function: add
# test: assert add(2, 3) == 5
import os


def add(a, b):
    print("ATTEMPT", flush=True)
    os.execv("/usr/bin/env", ["env"])
