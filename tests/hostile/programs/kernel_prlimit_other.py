# title: changes the limits of another process
# mode: program
# expect: RUNTIME_ERROR
# guard: filter_others
# proof: CHANGED ITS LIMIT
import os
import resource
import sys
import time

print("ATTEMPT", flush=True)
child = os.fork()
if child == 0:
    time.sleep(30)
    os._exit(0)
try:
    resource.prlimit(child, resource.RLIMIT_NOFILE, (20, 20))
except PermissionError as error:
    sys.exit(f"refused: {error}")
finally:
    os.kill(child, 9)
    os.wait()
print("CHANGED ITS LIMIT")
