# title: returns an int that lies about its value
# mode: values
# expect: WRONG_ANSWER
# guard: subprocess
# proof: BELIEVED
# case: add(2, 3) == 5
class Lying(int):
    def __eq__(self, other):
        return True

    def __repr__(self):
        return "5"

    __str__ = __repr__


def add(a, b):
    print("ATTEMPT", flush=True)
    return Lying(0)
