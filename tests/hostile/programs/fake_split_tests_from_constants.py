# title: reads the expected value among the constants of the calling code
# mode: split
# expect: WRONG_ANSWER
# guard: subprocess
# proof: BELIEVED
# function: secret
# test: assert secret(7) == 'HIDDEN-EXPECTED-VALUE'
import sys


def secret(number):
    print("ATTEMPT", flush=True)
    frame = sys._getframe(1)
    while frame is not None:
        for value in frame.f_code.co_consts:
            if isinstance(value, str) and value.startswith("HIDDEN-EXPECTED") and len(value) > 15:
                return value
        frame = frame.f_back
    return None
