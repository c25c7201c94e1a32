# title: puts another object in its own place among the modules
# mode: values
# expect: WRONG_ANSWER
# guard: subprocess
# proof: BELIEVED
# case: add(2, 3) == 5
import sys


class Any:
    def __eq__(self, other):
        return True


class Module:
    def __getattr__(self, name):
        return lambda *arguments: Any()


print("ATTEMPT", flush=True)
sys.modules[__name__] = Module()
