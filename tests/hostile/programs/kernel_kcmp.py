# title: compares kernel pointers of two processes
# mode: program
# expect: RUNTIME_ERROR
# guard: filter_inspection
# proof: THE KERNEL COMPARED
import ctypes
import os
import sys

SYS_kcmp, KCMP_VM = 312, 1
libc = ctypes.CDLL(None, use_errno=True)
print("ATTEMPT", flush=True)
if libc.syscall(SYS_kcmp, os.getpid(), os.getpid(), KCMP_VM, 0, 0) < 0:
    sys.exit(f"refused: {os.strerror(ctypes.get_errno())}")
print("THE KERNEL COMPARED")
