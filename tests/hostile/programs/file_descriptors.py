# title: reads every descriptor from 3 to 1000 that the host may have left open
# mode: program
# expect: RUNTIME_ERROR
# guard: subprocess
# proof: A SECRET OF THE HOST
# needs: secret descriptor
import os
import sys

print("ATTEMPT", flush=True)
for number in range(3, 1001):
    try:
        text = os.pread(number, 100, 0)
    except OSError:
        continue
    if text.startswith(b"A SECRET"):
        print(text.decode())
        sys.exit(0)
sys.exit("nothing was left open")
