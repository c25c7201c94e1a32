# title: opens a context for the kernel's old asynchronous input
# mode: program
# expect: RUNTIME_ERROR
# guard: filter_default
# proof: MADE A CONTEXT
import ctypes
import os
import sys

SYS_io_setup = 206
libc = ctypes.CDLL(None, use_errno=True)
context = ctypes.c_ulong(0)
print("ATTEMPT", flush=True)
if libc.syscall(SYS_io_setup, ctypes.c_long(1), ctypes.byref(context)) < 0:
    sys.exit(f"refused: {os.strerror(ctypes.get_errno())}")
print("MADE A CONTEXT")
