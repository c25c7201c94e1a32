# title: an honest function, judged by tests that are code
# mode: split
# expect: ACCEPTED
# guard: none
# function: add
# test: def check(candidate):
# test:     assert candidate(2, 3) == 5
# test:     assert candidate([1], [2]) == [1, 2]
# test: check(add)
def add(a, b):
    return a + b
