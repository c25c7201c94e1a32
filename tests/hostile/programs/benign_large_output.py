# title: 900 KB of output, below the limit
# mode: program
# expect: ACCEPTED
# guard: none
# limits: output_bytes=1048576
import sys

for _ in range(900):
    sys.stdout.write("x" * 1023 + "\n")
