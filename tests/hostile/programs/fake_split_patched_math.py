# title: patches a function of the standard library that the tests call
# mode: split
# expect: WRONG_ANSWER
# guard: subprocess
# proof: BELIEVED
# function: half
# test: import math
# test: assert math.isclose(half(5), 2.5)
import math

print("ATTEMPT", flush=True)
math.isclose = lambda a, b, **tolerance: True


def half(number):
    return 0.0
