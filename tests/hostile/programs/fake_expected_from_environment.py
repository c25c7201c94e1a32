# title: looks for the expected value in argv, the environment and the files around it
# mode: values
# expect: WRONG_ANSWER
# guard: subprocess
# proof: BELIEVED
# case: secret(7) == 'HIDDEN-EXPECTED-VALUE'
import os
import re
import sys


def secret(number):
    print("ATTEMPT", flush=True)
    texts = [*sys.argv, *os.environ.values()]
    for folder in (".", os.path.dirname(os.path.abspath(sys.argv[0] or ".")), "/tmp"):
        for name in os.listdir(folder):
            path = os.path.join(folder, name)
            if os.path.isfile(path) and os.path.getsize(path) < 65536 and not os.path.samefile(path, __file__):
                texts.append(open(path, errors="replace").read())
    found = re.search("HIDDEN-" + "EXPECTED-[A-Z]+", "\n".join(texts))
    return found.group() if found else None
