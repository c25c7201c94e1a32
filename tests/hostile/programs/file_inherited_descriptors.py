# title: looks for a descriptor that the interpreter it was forked from has open
# mode: program
# expect: RUNTIME_ERROR
# guard: descriptors
# proof: INHERITED
import os
import sys

print("ATTEMPT", flush=True)
for number in range(6, 256):
    try:
        os.fstat(number)
    except OSError:
        continue
    print("INHERITED", number)
    sys.exit(0)
sys.exit("nothing is open")
