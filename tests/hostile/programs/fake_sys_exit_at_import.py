# title: sys.exit(0) while it is imported
# mode: values
# expect: INCOMPLETE
# guard: subprocess
# proof: BELIEVED
# case: add(2, 3) == 5
import sys

print("ATTEMPT", flush=True)
sys.exit(0)
