# title: replaces the built-in eval that reads the expected value
# mode: values
# expect: WRONG_ANSWER
# guard: subprocess
# proof: BELIEVED
# case: add(2, 3) == 5
import builtins


class Any(tuple):
    def __eq__(self, other):
        return True


print("ATTEMPT", flush=True)
builtins.eval = lambda *arguments: Any((2, 3))


def add(a, b):
    return 0
