# title: sys.exit(0) inside the judged call
# mode: values
# expect: INCOMPLETE
# guard: subprocess
# proof: BELIEVED
# case: add(2, 3) == 5
# case: add(3, 3) == 6
import sys


def add(a, b):
    print("ATTEMPT", flush=True)
    sys.exit(0)
