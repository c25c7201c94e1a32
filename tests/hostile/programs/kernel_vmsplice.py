# title: gives its own pages into a pipe
# mode: program
# expect: RUNTIME_ERROR
# guard: filter_memory
# proof: THE KERNEL TOOK THE PAGES
import ctypes
import os
import struct
import sys

SYS_vmsplice = 278
libc = ctypes.CDLL(None, use_errno=True)
print("ATTEMPT", flush=True)
area = ctypes.create_string_buffer(4096)
_, tell = os.pipe()
if libc.syscall(SYS_vmsplice, tell, struct.pack("PL", ctypes.addressof(area), 4096), 1, 0) < 0:
    sys.exit(f"refused: {os.strerror(ctypes.get_errno())}")
print("THE KERNEL TOOK THE PAGES")
