# title: one parent, sixty children that wait
# mode: program
# expect: PROCESS_LIMIT
# guard: pids_cgroup+rlimit_processes
# proof: CHILDREN 60
# limits: processes=16
import os
import time

print("ATTEMPT", flush=True)
children = 0
for _ in range(60):
    if os.fork() == 0:
        time.sleep(1)
        os._exit(0)
    children += 1
print("CHILDREN", children)
