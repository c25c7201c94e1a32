# title: turns address randomisation off with personality
# mode: program
# expect: RUNTIME_ERROR
# guard: filter_personality
# proof: NO RANDOMISATION
import ctypes
import os
import sys

ADDR_NO_RANDOMIZE = 0x0040000
libc = ctypes.CDLL(None, use_errno=True)
print("ATTEMPT", flush=True)
if libc.personality(ctypes.c_ulong(ADDR_NO_RANDOMIZE)) < 0:
    sys.exit(f"refused: {os.strerror(ctypes.get_errno())}")
print("NO RANDOMISATION")
