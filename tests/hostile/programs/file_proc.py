# title: looks at other processes through /proc
# mode: program
# expect: RUNTIME_ERROR
# guard: pivot_root
# proof: SEES PROCESSES
import os

print("ATTEMPT", flush=True)
if any(name.isdigit() for name in os.listdir("/proc")):
    print("SEES PROCESSES")
