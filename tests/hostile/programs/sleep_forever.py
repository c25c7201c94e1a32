# title: sleeps past its deadline
# mode: program
# expect: WALL_LIMIT
# guard: wall_limit
# proof: SLEPT
# limits: wall_s=1
import time

print("ATTEMPT", flush=True)
time.sleep(2.5)
print("SLEPT")
