# title: rewrites the tests' own globals through its caller's frame
# mode: split
# expect: WRONG_ANSWER
# guard: subprocess
# proof: BELIEVED
# function: add
# test: EXPECTED = 5
# test: got = add(2, 3)
# test: assert got == EXPECTED
import sys


def add(a, b):
    print("ATTEMPT", flush=True)
    frame = sys._getframe(1)
    while frame is not None:
        if "EXPECTED" in frame.f_globals:
            frame.f_globals["EXPECTED"] = None
        frame = frame.f_back
    return None
