# title: a dict that claims to be equal to everything
# mode: values
# expect: WRONG_ANSWER
# guard: subprocess
# proof: BELIEVED
# case: index(['a']) == {'a': 0}
class Lying(dict):
    def __eq__(self, other):
        return True


def index(names):
    print("ATTEMPT", flush=True)
    return Lying()
