# title: becomes root of an own user namespace and mounts a file system
# mode: program
# expect: RUNTIME_ERROR
# guard: seccomp
# proof: MOUNTED
import ctypes
import os
import sys

CLONE_NEWUSER, CLONE_NEWNS = 0x10000000, 0x00020000
libc = ctypes.CDLL(None, use_errno=True)
print("ATTEMPT", flush=True)
os.mkdir("/tmp/mounted")
if libc.unshare(CLONE_NEWUSER | CLONE_NEWNS) or libc.mount(b"none", b"/tmp/mounted", b"tmpfs", 0, None):
    sys.exit(f"refused: {os.strerror(ctypes.get_errno())}")
print("MOUNTED")
