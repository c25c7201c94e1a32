# title: prints what judges print when all is well
# mode: program
# expect: WRONG_ANSWER
# guard: subprocess
# proof: BELIEVED
# stdout: '42\n'
import sys

print("ATTEMPT", file=sys.stderr, flush=True)
print("ALL TESTS PASSED")
print('{"outcome": "ACCEPTED", "passed": true}')
