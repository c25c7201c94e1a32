# title: asks for the kernel's own rule sets, which could be laid on another program
# mode: program
# expect: RUNTIME_ERROR
# guard: filter_watching
# proof: THE KERNEL ANSWERED
import ctypes
import os
import sys

SYS_landlock_create_ruleset, VERSION = 444, 1
libc = ctypes.CDLL(None, use_errno=True)
print("ATTEMPT", flush=True)
if libc.syscall(SYS_landlock_create_ruleset, None, ctypes.c_long(0), VERSION) < 0:
    sys.exit(f"refused: {os.strerror(ctypes.get_errno())}")
print("THE KERNEL ANSWERED")
