# title: an orphan floods stdout after its parent has gone
# mode: program
# expect: INCOMPLETE
# guard: subprocess
# proof: FLOODED BY AN ORPHAN
# limits: output_bytes=65536
import os
import time

print("ATTEMPT", flush=True)
if os.fork() == 0:
    time.sleep(1.5)
    print("FLOODED BY AN ORPHAN", flush=True)
    for _ in range(64):
        os.write(1, b"y\n" * 32768)
    os._exit(0)
os._exit(0)
