# title: finds the hidden tests in memory and prints them
# mode: split
# expect: WRONG_ANSWER
# guard: subprocess
# proof: STOLEN
# function: add
# test: HIDDEN_TABLE = {'2+3': 5}
# test: assert add(2, 3) == HIDDEN_TABLE['2+3']
import gc
import sys

NAME = "HIDDEN_" "TABLE"


def add(a, b):
    print("ATTEMPT", flush=True)
    for thing in gc.get_objects():
        if isinstance(thing, dict) and NAME in thing:
            print("STOLEN", thing[NAME], flush=True)
    sys.stdout.flush()
    return None
