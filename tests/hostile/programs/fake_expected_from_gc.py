# title: looks for the expected value in every object the interpreter holds
# mode: values
# expect: WRONG_ANSWER
# guard: subprocess
# proof: BELIEVED
# case: secret(7) == 'HIDDEN-EXPECTED-VALUE'
import gc

HEAD = "HIDDEN-" "EXPECTED-"


def secret(number):
    print("ATTEMPT", flush=True)
    seen = list(gc.get_objects())
    for thing in list(seen):
        seen.extend(gc.get_referents(thing))
    for thing in seen:
        if isinstance(thing, str) and thing.startswith(HEAD) and len(thing) > len(HEAD):
            return thing
    return None
