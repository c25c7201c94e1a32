# title: opens two thousand descriptors
# mode: program
# expect: RUNTIME_ERROR
# guard: rlimit_files
# proof: OPENED 900
# limits: open_files=64
import os

print("ATTEMPT", flush=True)
opened = [os.open("/dev/null", os.O_RDONLY) for _ in range(900)]
print("OPENED", len(opened))
