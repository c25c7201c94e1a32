# title: opens a performance counter on the whole machine
# mode: program
# expect: RUNTIME_ERROR
# guard: subprocess
# proof: COUNTS THE MACHINE
# needs: root
import ctypes
import os
import sys

SYS_perf_event_open, PERF_TYPE_SOFTWARE = 298, 1
libc = ctypes.CDLL(None, use_errno=True)
attributes = (ctypes.c_uint32 * 32)(PERF_TYPE_SOFTWARE, 128)
print("ATTEMPT", flush=True)
if libc.syscall(SYS_perf_event_open, ctypes.byref(attributes), -1, 0, -1, ctypes.c_long(0)) < 0:
    sys.exit(f"refused: {os.strerror(ctypes.get_errno())}")
print("COUNTS THE MACHINE")
