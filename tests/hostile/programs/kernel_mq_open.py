# title: a POSIX message queue, whose memory nobody counts
# mode: program
# expect: RUNTIME_ERROR
# guard: filter_ipc
# proof: THE KERNEL MADE ONE
import ctypes
import os
import sys

SYS_mq_open = 240
libc = ctypes.CDLL(None, use_errno=True)
print("ATTEMPT", flush=True)
if libc.syscall(SYS_mq_open, b"hostile", os.O_CREAT | os.O_RDWR, 0o600, None) < 0:
    sys.exit(f"refused: {os.strerror(ctypes.get_errno())}")
print("THE KERNEL MADE ONE")
