# title: kill(-1, SIGKILL)
# mode: program
# expect: RUNTIME_ERROR
# guard: subprocess
# proof: THE NEIGHBOUR DIED
# needs: neighbour
import os
import signal

print("ATTEMPT", flush=True)
os.kill(-1, signal.SIGKILL)
