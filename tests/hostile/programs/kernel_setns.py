# title: moves between namespaces with setns
# mode: program
# expect: RUNTIME_ERROR
# guard: seccomp
# proof: MOVED
import ctypes
import os
import sys

CLONE_NEWUSER, CLONE_NEWUTS, SYS_pidfd_open = 0x10000000, 0x04000000, 434
libc = ctypes.CDLL(None, use_errno=True)
print("ATTEMPT", flush=True)
libc.unshare(CLONE_NEWUSER | CLONE_NEWUTS)
itself = libc.syscall(SYS_pidfd_open, os.getpid(), 0)
if itself < 0 or libc.setns(itself, CLONE_NEWUTS):
    sys.exit(f"refused: {os.strerror(ctypes.get_errno())}")
print("MOVED")
