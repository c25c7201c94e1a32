# title: a list inside a list that compares equal to any other
# mode: values
# expect: WRONG_ANSWER
# guard: subprocess
# proof: BELIEVED
# case: pairs(2) == [[0, 0], [1, 1]]
class Lying(list):
    def __eq__(self, other):
        return True


def pairs(count):
    print("ATTEMPT", flush=True)
    return [Lying(), Lying()]
