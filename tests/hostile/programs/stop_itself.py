# title: stops itself with SIGSTOP so that nobody can wait for its end
# mode: program
# expect: WALL_LIMIT
# guard: wall_limit
# proof: CONTINUED
# limits: wall_s=1
import os
import signal
import time

print("ATTEMPT", flush=True)
stopped = os.getpid()
if os.fork() == 0:
    time.sleep(2.5)
    os.kill(stopped, signal.SIGCONT)
    os._exit(0)
os.kill(stopped, signal.SIGSTOP)
print("CONTINUED")
