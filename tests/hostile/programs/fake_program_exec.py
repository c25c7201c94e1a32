# title: becomes a program that ends with status 0 instead of the answer
# mode: program
# expect: WRONG_ANSWER
# guard: subprocess
# proof: BELIEVED
# stdout: '42\n'
import os
import sys

print("ATTEMPT", file=sys.stderr, flush=True)
os.execv("/usr/bin/env", ["env"])
