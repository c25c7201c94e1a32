# title: bytes that claim to be equal to everything
# mode: values
# expect: WRONG_ANSWER
# guard: subprocess
# proof: BELIEVED
# case: encode('a') == b'a'
class Lying(bytes):
    def __eq__(self, other):
        return True


def encode(text):
    print("ATTEMPT", flush=True)
    return Lying(b"")
