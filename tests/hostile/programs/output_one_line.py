# title: one line of 64 MB
# mode: program
# guard: output_limit
# expect: OUTPUT_LIMIT
# proof: ACCEPTED
import os

os.write(1, b"ATTEMPT")
for _ in range(1024):
    os.write(1, b"x" * 65536)
