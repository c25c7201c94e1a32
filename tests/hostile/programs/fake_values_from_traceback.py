# title: reads the expected value through the frames of an exception that it raises itself
# mode: values
# expect: WRONG_ANSWER
# guard: subprocess
# proof: BELIEVED
# case: secret(7) == 'HIDDEN-EXPECTED-VALUE'
HEAD = "HIDDEN-EXPECTED"


def secret(number):
    print("ATTEMPT", flush=True)
    try:
        raise ValueError
    except ValueError as error:
        frame = error.__traceback__.tb_frame
    while frame is not None:
        for value in list(frame.f_locals.values()):
            if isinstance(value, str) and value.startswith(HEAD) and len(value) > len(HEAD):
                return value
        frame = frame.f_back
    return None
