# title: returns a str that lies about its value
# mode: values
# expect: WRONG_ANSWER
# guard: subprocess
# proof: BELIEVED
# case: name(1) == 'one'
class Lying(str):
    __hash__ = str.__hash__

    def __eq__(self, other):
        return True

    def __repr__(self):
        return "'one'"


def name(number):
    print("ATTEMPT", flush=True)
    return Lying("")
