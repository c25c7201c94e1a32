# title: an honest function, compared value by value
# mode: values
# expect: ACCEPTED
# guard: none
# case: divide(7, 2) == (3, 1)
# case: divide(9, 3) == (3, 0)
def divide(a, b):
    return divmod(a, b)
