# title: clone3, whose flags a filter cannot read
# mode: program
# expect: RUNTIME_ERROR
# guard: filter_namespaces
# proof: CLONED
import ctypes
import os
import signal
import sys

SYS_clone3, CLONE_NEWUSER = 435, 0x10000000
libc = ctypes.CDLL(None, use_errno=True)
arguments = (ctypes.c_uint64 * 8)(CLONE_NEWUSER, 0, 0, 0, signal.SIGCHLD, 0, 0, 0)
print("ATTEMPT", flush=True)
pid = libc.syscall(SYS_clone3, ctypes.byref(arguments), ctypes.c_long(ctypes.sizeof(arguments)))
if pid == 0:
    os._exit(0)
if pid < 0:
    sys.exit(f"refused: {os.strerror(ctypes.get_errno())}")
os.waitpid(pid, 0)
print("CLONED")
