# title: memory that even the kernel does not map, from memfd_secret
# mode: program
# expect: RUNTIME_ERROR
# guard: filter_anonymous_files
# proof: SECRET MEMORY
import ctypes
import os
import sys

SYS_memfd_secret = 447
libc = ctypes.CDLL(None, use_errno=True)
print("ATTEMPT", flush=True)
if libc.syscall(SYS_memfd_secret, 0) < 0:
    sys.exit(f"refused: {os.strerror(ctypes.get_errno())}")
print("SECRET MEMORY")
