# title: an anonymous file to execute from
# mode: program
# expect: RUNTIME_ERROR
# guard: filter_anonymous_files
# proof: THE KERNEL MADE ONE
import ctypes
import os
import sys

SYS_memfd_create = 319
libc = ctypes.CDLL(None, use_errno=True)
print("ATTEMPT", flush=True)
if libc.syscall(SYS_memfd_create, b"hostile", 0) < 0:
    sys.exit(f"refused: {os.strerror(ctypes.get_errno())}")
print("THE KERNEL MADE ONE")
