# title: watches the files of others
# mode: program
# expect: RUNTIME_ERROR
# guard: filter_watching
# proof: WATCHES
import ctypes
import os
import sys

SYS_fanotify_init, FAN_REPORT_FID = 300, 0x200
libc = ctypes.CDLL(None, use_errno=True)
print("ATTEMPT", flush=True)
if libc.syscall(SYS_fanotify_init, FAN_REPORT_FID, os.O_RDONLY) < 0:
    sys.exit(f"refused: {os.strerror(ctypes.get_errno())}")
print("WATCHES")
