# title: four children, each below the limit of CPU time
# mode: program
# expect: CPU_LIMIT
# guard: subprocess
# proof: BELIEVED
# limits: cpu_s=0.5 wall_s=60
import os
import time

print("ATTEMPT", flush=True)
for _ in range(4):
    if os.fork() == 0:
        while time.process_time() < 0.35:
            pass
        os._exit(0)
for _ in range(4):
    os.wait()
print("SPUN IN PARALLEL")
