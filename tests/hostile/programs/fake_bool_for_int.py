# title: True where 1 was asked for
# mode: values
# expect: WRONG_ANSWER
# guard: subprocess
# proof: BELIEVED
# case: first([1, 2]) == 1
def first(items):
    print("ATTEMPT", flush=True)
    return True
