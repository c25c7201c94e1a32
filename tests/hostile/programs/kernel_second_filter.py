# title: lays a filter over a program that it starts, so that its calls fail unseen
# mode: program
# expect: RUNTIME_ERROR
# guard: child_filter
# proof: THE KERNEL LOOKED
import ctypes
import errno
import sys

SYS_seccomp, SECCOMP_GET_ACTION_AVAIL = 317, 2
libc = ctypes.CDLL(None, use_errno=True)
print("ATTEMPT", flush=True)
action = ctypes.c_uint32(0x7FFF0000)
if libc.syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, ctypes.byref(action)) < 0:
    sys.exit(f"refused: {errno.errorcode[ctypes.get_errno()]}")
print("THE KERNEL LOOKED")
