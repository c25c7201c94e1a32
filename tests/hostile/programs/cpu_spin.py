# title: a busy loop
# mode: program
# expect: CPU_LIMIT
# guard: rlimits
# proof: SPUN
# limits: cpu_s=1 wall_s=60
import time

print("ATTEMPT", flush=True)
while time.process_time() < 3:
    pass
print("SPUN")
