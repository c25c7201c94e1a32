# title: locks a mebibyte of memory
# mode: program
# expect: RUNTIME_ERROR
# guard: rlimit_locked
# proof: LOCKED A MEBIBYTE
import ctypes
import mmap
import os
import resource
import sys

print("ATTEMPT", flush=True)
_, hard = resource.getrlimit(resource.RLIMIT_MEMLOCK)
resource.setrlimit(resource.RLIMIT_MEMLOCK, (hard, hard))
area = mmap.mmap(-1, 1 << 20)
libc = ctypes.CDLL(None, use_errno=True)
if libc.mlock(ctypes.byref(ctypes.c_char.from_buffer(area)), ctypes.c_size_t(1 << 20)) < 0:
    sys.exit(f"refused: {os.strerror(ctypes.get_errno())}")
print("LOCKED A MEBIBYTE")
