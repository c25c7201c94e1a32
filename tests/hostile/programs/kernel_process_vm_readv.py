# title: reads a child's memory without tracing it
# mode: program
# expect: RUNTIME_ERROR
# guard: filter_inspection
# proof: READ 4242
import ctypes
import os
import signal
import sys
import time

libc = ctypes.CDLL(None, use_errno=True)
secret, copy = ctypes.c_long(4242), ctypes.c_long(0)
print("ATTEMPT", flush=True)
ready, tell = os.pipe()
child = os.fork()
if child == 0:
    libc.prctl(4, 1)  # PR_SET_DUMPABLE
    os.write(tell, b"x")
    time.sleep(30)
    os._exit(0)
os.read(ready, 1)
local = (ctypes.c_uint64 * 2)(ctypes.addressof(copy), 8)
remote = (ctypes.c_uint64 * 2)(ctypes.addressof(secret), 8)
got = libc.process_vm_readv(child, local, ctypes.c_ulong(1), remote, ctypes.c_ulong(1), ctypes.c_ulong(0))
error = ctypes.get_errno()
os.kill(child, signal.SIGKILL)
if got != 8:
    sys.exit(f"refused: {os.strerror(error)}")
print("READ", copy.value)
