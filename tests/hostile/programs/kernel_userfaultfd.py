# title: userfaultfd, which lets a program stop the kernel in the middle of a copy
# mode: program
# expect: RUNTIME_ERROR
# guard: filter_asynchronous
# proof: HANDLES FAULTS
import ctypes
import os
import sys

SYS_userfaultfd, UFFD_USER_MODE_ONLY = 323, 1
libc = ctypes.CDLL(None, use_errno=True)
print("ATTEMPT", flush=True)
if libc.syscall(SYS_userfaultfd, UFFD_USER_MODE_ONLY) < 0:
    sys.exit(f"refused: {os.strerror(ctypes.get_errno())}")
print("HANDLES FAULTS")
