# title: takes a descriptor out of another process
# mode: program
# expect: RUNTIME_ERROR
# guard: filter_inspection
# proof: TOOK A DESCRIPTOR
import ctypes
import os
import sys

SYS_pidfd_getfd = 438
libc = ctypes.CDLL(None, use_errno=True)
print("ATTEMPT", flush=True)
if libc.syscall(SYS_pidfd_getfd, os.pidfd_open(os.getpid()), 1, 0) < 0:
    sys.exit(f"refused: {os.strerror(ctypes.get_errno())}")
print("TOOK A DESCRIPTOR")
