# title: reads the expected value in the arguments of the process
# mode: values
# expect: WRONG_ANSWER
# guard: subprocess
# proof: BELIEVED
# case: secret(7) == 'HIDDEN-EXPECTED-VALUE'
import re
import sys


def secret(number):
    print("ATTEMPT", flush=True)
    found = re.search("HIDDEN-EXPECTED" + "[A-Z-]+", " ".join(sys.argv + sys.orig_argv))
    return found.group() if found else None
