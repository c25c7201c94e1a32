# title: patches a function that the tests trust
# mode: split
# expect: WRONG_ANSWER
# guard: subprocess
# proof: BELIEVED
# function: root
# test: import math
# test: assert math.isclose(root(2.0), 1.4142135623730951)
import math

math.isclose = lambda *args, **kwargs: True


def root(number):
    print("ATTEMPT", flush=True)
    return 0.0
