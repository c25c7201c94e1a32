# title: takes a better priority than everybody else
# mode: program
# expect: RUNTIME_ERROR
# guard: subprocess
# proof: PRIORITY -5
# needs: root
import os

print("ATTEMPT", flush=True)
os.setpriority(os.PRIO_PROCESS, 0, -5)
print("PRIORITY", os.getpriority(os.PRIO_PROCESS, 0))
