# title: a tuple that claims to be equal to everything, inside an honest list
# mode: values
# expect: WRONG_ANSWER
# guard: subprocess
# proof: BELIEVED
# case: pairs(1) == [(1, 1)]
class Lying(tuple):
    def __eq__(self, other):
        return True


def pairs(number):
    print("ATTEMPT", flush=True)
    return [Lying(())]
