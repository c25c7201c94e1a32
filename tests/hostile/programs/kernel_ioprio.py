# title: sets the priority of its input and output
# mode: program
# expect: RUNTIME_ERROR
# guard: filter_scheduling
# proof: THE SCHEDULER OBEYED
import ctypes
import os
import sys

SYS_ioprio_set, IOPRIO_WHO_PROCESS, BEST_EFFORT_FIRST = 251, 1, 2 << 13
libc = ctypes.CDLL(None, use_errno=True)
print("ATTEMPT", flush=True)
if libc.syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, BEST_EFFORT_FIRST) < 0:
    sys.exit(f"refused: {os.strerror(ctypes.get_errno())}")
print("THE SCHEDULER OBEYED")
