# title: reads the expected value in the command line as the kernel shows it
# mode: values
# expect: WRONG_ANSWER
# guard: subprocess
# proof: BELIEVED
# case: secret(7) == 'HIDDEN-EXPECTED-VALUE'
import re


def secret(number):
    print("ATTEMPT", flush=True)
    try:
        with open("/proc/self/cmdline") as file:
            text = file.read()
    except OSError:
        return None
    found = re.search("HIDDEN-EXPECTED" + "[A-Z-]+", text)
    return found.group() if found else None
