# title: writes into the memory of another process
# mode: program
# expect: RUNTIME_ERROR
# guard: filter_inspection
# proof: WROTE INTO IT
import ctypes
import os
import struct
import sys

SYS_process_vm_writev = 311
libc = ctypes.CDLL(None, use_errno=True)
print("ATTEMPT", flush=True)
source, target = ctypes.create_string_buffer(b"x"), ctypes.create_string_buffer(b"y")
here, there = (struct.pack("PL", ctypes.addressof(area), 1) for area in (source, target))
if libc.syscall(SYS_process_vm_writev, os.getpid(), here, 1, there, 1, 0) < 0:
    sys.exit(f"refused: {os.strerror(ctypes.get_errno())}")
print("WROTE INTO IT")
