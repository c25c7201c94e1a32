# title: chooses the memory node of its pages
# mode: program
# expect: RUNTIME_ERROR
# guard: filter_memory
# proof: THE KERNEL OBEYED
import ctypes
import os
import sys

SYS_set_mempolicy, MPOL_DEFAULT = 238, 0
libc = ctypes.CDLL(None, use_errno=True)
print("ATTEMPT", flush=True)
if libc.syscall(SYS_set_mempolicy, MPOL_DEFAULT, None, 0) < 0:
    sys.exit(f"refused: {os.strerror(ctypes.get_errno())}")
print("THE KERNEL OBEYED")
