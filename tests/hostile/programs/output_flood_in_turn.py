# title: both streams in turn, each of them below the limit
# mode: program
# expect: OUTPUT_LIMIT
# guard: output_limit
# proof: ACCEPTED
# limits: output_bytes=65536 wall_s=60
import os

print("ATTEMPT", flush=True)
for _ in range(40):
    os.write(1, b"y" * 1024)
    os.write(2, b"n" * 1024)
