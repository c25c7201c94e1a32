# title: swaps the root of the file tree
# mode: program
# expect: RUNTIME_ERROR
# guard: seccomp
# proof: PIVOTED
import ctypes
import os
import sys

SYS_pivot_root, CLONE_NEWUSER, CLONE_NEWNS, MS_PRIVATE, MS_REC = 155, 0x10000000, 0x00020000, 1 << 18, 1 << 14
libc = ctypes.CDLL(None, use_errno=True)
print("ATTEMPT", flush=True)
libc.unshare(CLONE_NEWUSER | CLONE_NEWNS)
libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None)
os.mkdir("/tmp/root")
libc.mount(b"none", b"/tmp/root", b"tmpfs", 0, None)
os.chdir("/tmp/root")
if libc.syscall(SYS_pivot_root, b".", b"."):
    sys.exit(f"refused: {os.strerror(ctypes.get_errno())}")
print("PIVOTED")
