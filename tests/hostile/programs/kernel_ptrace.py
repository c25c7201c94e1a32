# title: traces another process and reads its memory
# mode: program
# expect: RUNTIME_ERROR
# guard: filter_inspection
# proof: PEEKED
import ctypes
import os
import signal
import sys

PTRACE_TRACEME, PTRACE_PEEKDATA = 0, 2
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.restype = ctypes.c_long
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
secret = ctypes.c_long(4242)
print("ATTEMPT", flush=True)
child = os.fork()
if child == 0:
    libc.prctl(4, 1)  # PR_SET_DUMPABLE
    if libc.ptrace(PTRACE_TRACEME, 0, None, None) == 0:
        os.kill(os.getpid(), signal.SIGSTOP)
    os._exit(1)
_, status = os.waitpid(child, os.WUNTRACED)
if not os.WIFSTOPPED(status) or libc.ptrace(PTRACE_PEEKDATA, child, ctypes.addressof(secret), None) != 4242:
    sys.exit("refused")
os.kill(child, signal.SIGKILL)
print("PEEKED")
