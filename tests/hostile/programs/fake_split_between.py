# title: an int that claims to lie between any bounds
# mode: split
# expect: WRONG_ANSWER
# guard: subprocess
# proof: BELIEVED
# function: middle
# test: assert 5 < middle(6) < 7
class Between(int):
    def __lt__(self, other):
        return True

    __gt__ = __lt__


def middle(number):
    print("ATTEMPT", flush=True)
    return Between(0)
