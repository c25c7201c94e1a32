# title: deep but legal recursion
# mode: program
# expect: ACCEPTED
# guard: none
# stdout: '5000\n'
import sys

sys.setrecursionlimit(10_000)


def depth(number):
    return 0 if number == 0 else 1 + depth(number - 1)


print(depth(5000))
