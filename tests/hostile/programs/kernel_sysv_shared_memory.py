# title: System V shared memory that outlives its maker, for the next run
# mode: program
# expect: RUNTIME_ERROR
# guard: filter_ipc
# proof: LEFT BY THE LAST RUN
# runs: 2
import ctypes
import os
import sys

IPC_CREAT = 0o1000
libc = ctypes.CDLL(None, use_errno=True)
libc.shmat.restype = ctypes.c_void_p
print("ATTEMPT", flush=True)
segment = libc.shmget(4242, ctypes.c_size_t(4096), IPC_CREAT | 0o666)
if segment < 0:
    sys.exit(f"refused: {os.strerror(ctypes.get_errno())}")
address = libc.shmat(segment, None, 0)
left = ctypes.string_at(address)
if left:
    print(left.decode())
ctypes.memmove(address, b"LEFT BY THE LAST RUN\0", 21)
