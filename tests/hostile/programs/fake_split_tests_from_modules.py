# title: reads the hidden tests in the judge's own module
# mode: split
# expect: WRONG_ANSWER
# guard: subprocess
# proof: BELIEVED
# function: secret
# test: assert secret(7) == 'HIDDEN-EXPECTED-VALUE'
import re
import sys


def secret(number):
    print("ATTEMPT", flush=True)
    for module in list(sys.modules.values()):
        for value in list(vars(module).values()):
            if isinstance(value, dict) and "tests" in value:
                if found := re.search("HIDDEN-EXPECTED" + "[A-Z-]+", str(value["tests"])):
                    return found.group()
    return None
