# title: warnings on stderr and status 0
# mode: program
# expect: ACCEPTED
# guard: none
# stdout: 'done\n'
import sys

print("Traceback (most recent call last): not really", file=sys.stderr)
print("done")
sys.exit(0)
