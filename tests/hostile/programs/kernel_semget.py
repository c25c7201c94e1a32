# title: a System V semaphore that outlives its maker
# mode: program
# expect: RUNTIME_ERROR
# guard: filter_ipc
# proof: THE KERNEL MADE ONE
import ctypes
import os
import sys

SYS_semget, IPC_PRIVATE = 64, 0
libc = ctypes.CDLL(None, use_errno=True)
print("ATTEMPT", flush=True)
if libc.syscall(SYS_semget, IPC_PRIVATE, 1, 0o600) < 0:
    sys.exit(f"refused: {os.strerror(ctypes.get_errno())}")
print("THE KERNEL MADE ONE")
