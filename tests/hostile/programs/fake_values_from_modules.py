# title: reads the expected value in the judge's own module
# mode: values
# expect: WRONG_ANSWER
# guard: subprocess
# proof: BELIEVED
# case: secret(7) == 'HIDDEN-EXPECTED-VALUE'
import re
import sys


def secret(number):
    print("ATTEMPT", flush=True)
    for module in list(sys.modules.values()):
        if found := re.search("HIDDEN-EXPECTED" + "[A-Z-]+", repr(getattr(module, "payload", ""))):
            return found.group()
    return None
