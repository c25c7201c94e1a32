# title: an object whose class claims to be int
# mode: values
# expect: WRONG_ANSWER
# guard: subprocess
# proof: BELIEVED
# case: add(2, 3) == 5
class Borrowed:
    __class__ = int

    def __eq__(self, other):
        return True


def add(a, b):
    print("ATTEMPT", flush=True)
    return Borrowed()
