# title: replaces the built-in getattr that finds the judged function
# mode: values
# expect: WRONG_ANSWER
# guard: subprocess
# proof: BELIEVED
# case: add(2, 3) == 5
import builtins

print("ATTEMPT", flush=True)
honest = builtins.getattr


class Any:
    def __eq__(self, other):
        return True


def lying(thing, name, *default):
    return (lambda *arguments: Any()) if name == "add" else honest(thing, name, *default)


builtins.getattr = lying


def add(a, b):
    return 0
