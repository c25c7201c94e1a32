# title: a busy loop
# mode: program
# expect: CPU_LIMIT
# guard: rlimits
# proof: SPUN
# limits: cpu_s=0.5 wall_s=60
import time

print("ATTEMPT", flush=True)
while time.process_time() < 1.5:
    pass
print("SPUN")
