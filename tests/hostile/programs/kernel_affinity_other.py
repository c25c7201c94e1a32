# title: moves another process to a processor
# mode: program
# expect: RUNTIME_ERROR
# guard: filter_others
# proof: MOVED IT
import os
import sys
import time

print("ATTEMPT", flush=True)
child = os.fork()
if child == 0:
    time.sleep(30)
    os._exit(0)
try:
    os.sched_setaffinity(child, os.sched_getaffinity(0))
except PermissionError as error:
    sys.exit(f"refused: {error}")
finally:
    os.kill(child, 9)
    os.wait()
print("MOVED IT")
