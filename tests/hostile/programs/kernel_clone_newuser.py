# title: clone(CLONE_NEWUSER): the same privilege without unshare
# mode: program
# expect: RUNTIME_ERROR
# guard: filter_namespaces
# proof: CLONED
import ctypes
import os
import signal
import sys

SYS_clone, CLONE_NEWUSER = 56, 0x10000000
libc = ctypes.CDLL(None, use_errno=True)
print("ATTEMPT", flush=True)
pid = libc.syscall(SYS_clone, ctypes.c_long(CLONE_NEWUSER | signal.SIGCHLD), 0, 0, 0, 0)
if pid == 0:
    os._exit(0)
if pid < 0:
    sys.exit(f"refused: {os.strerror(ctypes.get_errno())}")
os.waitpid(pid, 0)
print("CLONED")
