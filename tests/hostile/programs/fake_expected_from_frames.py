# title: looks for the expected value in its callers' frames and returns it
# mode: values
# expect: WRONG_ANSWER
# guard: subprocess
# proof: BELIEVED
# case: secret(7) == 'the hidden expected value'
import sys


def secret(number):
    print("ATTEMPT", flush=True)
    frame = sys._getframe(1)
    while frame is not None:
        if "expected" in frame.f_locals and isinstance(frame.f_locals["expected"], str):
            return frame.f_locals["expected"]
        frame = frame.f_back
    return None
