# title: reads the memory of the process that all runs are forked from
# mode: program
# expect: RUNTIME_ERROR
# guard: dumpable+capabilities+filter_inspection
# proof: READ THE ZYGOTE
import ctypes
import os
import sys

SYS_process_vm_readv = 310


class Area(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("size", ctypes.c_size_t)]


libc = ctypes.CDLL(None, use_errno=True)
into = ctypes.create_string_buffer(16)
here = Area(ctypes.addressof(into), 16)
there = Area(id(None), 16)
print("ATTEMPT", flush=True)
one = ctypes.c_ulong(1)
got = libc.syscall(
    SYS_process_vm_readv, ctypes.c_long(1), ctypes.byref(here), one, ctypes.byref(there), one, ctypes.c_ulong(0)
)
if got != 16:
    sys.exit(f"refused: {os.strerror(ctypes.get_errno())}")
print("READ THE ZYGOTE")
