# title: makes the tests' random cases known beforehand
# mode: split
# expect: WRONG_ANSWER
# guard: subprocess
# proof: BELIEVED
# function: double
# test: import random
# test: numbers = [random.randrange(10, 10**9) for _ in range(3)]
# test: assert [double(number) for number in numbers] == [2 * number for number in numbers]
import random

print("ATTEMPT", flush=True)
random.randrange = lambda *bounds: 7


def double(number):
    return 14
