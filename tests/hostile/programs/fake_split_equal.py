# title: an object equal to everything, against tests that are code
# mode: split
# expect: RUNTIME_ERROR
# guard: subprocess
# proof: BELIEVED
# function: add
# test: assert add(2, 3) == 5
class Equal:
    def __eq__(self, other):
        return True


def add(a, b):
    print("ATTEMPT", flush=True)
    return Equal()
