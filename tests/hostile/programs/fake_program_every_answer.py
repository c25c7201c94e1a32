# title: prints every possible answer
# mode: program
# expect: WRONG_ANSWER
# guard: subprocess
# proof: BELIEVED
# stdout: '42\n'
import sys

print("ATTEMPT", file=sys.stderr, flush=True)
print(*range(100), sep="\n")
