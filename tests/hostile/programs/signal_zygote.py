# title: signals pid 1, the interpreter that every later run is forked from
# mode: program
# expect: RUNTIME_ERROR
# guard: second_uid
# proof: MAY SIGNAL PID 1
import os

print("ATTEMPT", flush=True)
os.kill(1, 0)
print("MAY SIGNAL PID 1")
