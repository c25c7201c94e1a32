# title: `yes` on stderr
# mode: program
# expect: OUTPUT_LIMIT
# guard: output_limit
# proof: ACCEPTED
# limits: output_bytes=65536 wall_s=60
import os

print("ATTEMPT", flush=True)
for _ in range(64):
    os.write(2, b"y\n" * 32768)
