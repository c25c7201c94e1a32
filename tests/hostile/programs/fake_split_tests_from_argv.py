# title: reads the hidden tests in the arguments of the process
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
    found = re.search("HIDDEN-EXPECTED" + "[A-Z-]+", " ".join(sys.argv + sys.orig_argv))
    return found.group() if found else None
