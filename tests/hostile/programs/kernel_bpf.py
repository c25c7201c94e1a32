# title: makes a BPF map
# mode: program
# expect: RUNTIME_ERROR
# guard: subprocess
# proof: MADE A MAP
# needs: root
import ctypes
import os
import sys

SYS_bpf, BPF_MAP_CREATE, BPF_MAP_TYPE_ARRAY = 321, 0, 2
libc = ctypes.CDLL(None, use_errno=True)
attributes = (ctypes.c_uint32 * 32)(BPF_MAP_TYPE_ARRAY, 4, 8, 1)
print("ATTEMPT", flush=True)
if libc.syscall(SYS_bpf, BPF_MAP_CREATE, ctypes.byref(attributes), ctypes.c_long(ctypes.sizeof(attributes))) < 0:
    sys.exit(f"refused: {os.strerror(ctypes.get_errno())}")
print("MADE A MAP")
