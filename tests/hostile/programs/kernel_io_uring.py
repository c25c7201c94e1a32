# title: io_uring, whose operations no system-call filter sees
# mode: program
# expect: RUNTIME_ERROR
# guard: filter_asynchronous
# proof: A RING
import ctypes
import os
import sys

SYS_io_uring_setup = 425
libc = ctypes.CDLL(None, use_errno=True)
parameters = ctypes.create_string_buffer(120)
print("ATTEMPT", flush=True)
if libc.syscall(SYS_io_uring_setup, 4, parameters) < 0:
    sys.exit(f"refused: {os.strerror(ctypes.get_errno())}")
print("A RING")
