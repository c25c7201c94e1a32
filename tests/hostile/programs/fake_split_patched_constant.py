# title: changes a constant that the tests compare with
# mode: split
# expect: WRONG_ANSWER
# guard: subprocess
# proof: BELIEVED
# function: area
# test: import math
# test: assert area(1) == math.pi
import math

print("ATTEMPT", flush=True)
math.pi = 0


def area(radius):
    return 0
