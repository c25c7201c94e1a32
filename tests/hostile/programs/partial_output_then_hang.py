# title: prints half an answer and hangs; what was printed is kept
# mode: program
# expect: WALL_LIMIT
# guard: wall_limit
# proof: THE SECOND HALF
# limits: wall_s=1
import time

print("ATTEMPT", flush=True)
print("the first half", flush=True)
time.sleep(2.5)
print("THE SECOND HALF")
