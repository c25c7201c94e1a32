# title: prints the right answer, but not where it is asked for
# mode: program
# expect: WRONG_ANSWER
# guard: subprocess
# proof: BELIEVED
# stdout: '42\n'
import sys

print("ATTEMPT\n42", file=sys.stderr, flush=True)
