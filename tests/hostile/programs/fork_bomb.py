# title: every process forks, six generations deep
# mode: program
# expect: PROCESS_LIMIT
# guard: pids_cgroup+rlimits
# proof: ALIVE AT ONCE 64
# limits: processes=16
import os
import sys
import time

print("ATTEMPT", flush=True)
count, tell = os.pipe()
root = os.getpid()
for _ in range(6):
    try:
        os.fork()
    except OSError as error:
        if os.getpid() == root:
            sys.exit(f"refused: {error}")
        os._exit(1)
os.write(tell, b"x")
if os.getpid() != root:
    os.close(tell)
    time.sleep(2)
    os._exit(0)
os.close(tell)
alive = 0
while os.read(count, 1):
    alive += 1
print("ALIVE AT ONCE", alive)
