# title: a set that claims to be equal to everything
# mode: values
# expect: WRONG_ANSWER
# guard: subprocess
# proof: BELIEVED
# case: letters('ab') == {'a', 'b'}
class Lying(set):
    def __eq__(self, other):
        return True

    __hash__ = None


def letters(text):
    print("ATTEMPT", flush=True)
    return Lying()
