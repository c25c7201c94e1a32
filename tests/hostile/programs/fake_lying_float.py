# title: a float that claims to be equal to everything
# mode: values
# expect: WRONG_ANSWER
# guard: subprocess
# proof: BELIEVED
# case: half(5) == 2.5
class Lying(float):
    def __eq__(self, other):
        return True


def half(number):
    print("ATTEMPT", flush=True)
    return Lying(0.0)
