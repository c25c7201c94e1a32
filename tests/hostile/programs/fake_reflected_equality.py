# title: an int that leaves the comparison to its reflected, lying side
# mode: values
# expect: WRONG_ANSWER
# guard: subprocess
# proof: BELIEVED
# case: add(2, 3) == 5
class Reflected(int):
    def __eq__(self, other):
        return self is not other

    def __ne__(self, other):
        return False

    def __hash__(self):
        return 5


def add(a, b):
    print("ATTEMPT", flush=True)
    return Reflected(-1)
