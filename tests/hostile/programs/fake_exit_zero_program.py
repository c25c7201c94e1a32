# title: ends with status 0 instead of the answer
# mode: program
# expect: WRONG_ANSWER
# guard: subprocess
# proof: BELIEVED
# stdout: '42\n'
import sys

print("ATTEMPT", file=sys.stderr, flush=True)
sys.exit(0)
