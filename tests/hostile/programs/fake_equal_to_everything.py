# title: returns an object that is equal to everything
# mode: values
# expect: WRONG_ANSWER
# guard: subprocess
# proof: BELIEVED
# case: add(2, 3) == 5
class Equal:
    def __eq__(self, other):
        return True


def add(a, b):
    print("ATTEMPT", flush=True)
    return Equal()
