# title: answers a call before it is made, and another one with that answer
# mode: split
# expect: POLICY_VIOLATION
# guard: split_nonce
# proof: ACCEPTED
# function: add
# test: assert add(2, 3) == 5
import os

print("ATTEMPT", flush=True)
os.write(5, b"\tvalue\t5\n")


def add(a, b):
    return 0
