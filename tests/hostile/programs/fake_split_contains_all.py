# title: a list that claims to contain everything
# mode: split
# expect: WRONG_ANSWER
# guard: subprocess
# proof: BELIEVED
# function: primes
# test: found = primes(10)
# test: assert 2 in found and 7 in found and len(found) == 4
class All(list):
    def __contains__(self, thing):
        return True

    def __len__(self):
        return 4


def primes(limit):
    print("ATTEMPT", flush=True)
    return All()
