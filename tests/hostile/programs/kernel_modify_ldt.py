# title: reads its local descriptor table
# mode: program
# expect: RUNTIME_ERROR
# guard: filter_memory
# proof: THE KERNEL ANSWERED
import ctypes
import os
import sys

SYS_modify_ldt = 154
libc = ctypes.CDLL(None, use_errno=True)
print("ATTEMPT", flush=True)
if libc.syscall(SYS_modify_ldt, 0, ctypes.create_string_buffer(64), 64) < 0:
    sys.exit(f"refused: {os.strerror(ctypes.get_errno())}")
print("THE KERNEL ANSWERED")
