# title: a finalizer that ends the process with status 0 at the interpreter's shutdown
# mode: values
# expect: WRONG_ANSWER
# guard: subprocess
# proof: BELIEVED
# case: add(2, 3) == 5
import os


class Last:
    def __del__(self, leave=os._exit):
        leave(0)


LAST = Last()


def add(a, b):
    print("ATTEMPT", flush=True)
    return 0
