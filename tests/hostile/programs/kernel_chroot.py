# title: gets the right to chroot and climbs
# mode: program
# expect: RUNTIME_ERROR
# guard: seccomp
# proof: CHANGED ROOT
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
print("ATTEMPT", flush=True)
libc.unshare(0x10000000)
os.mkdir("/tmp/jail")
os.chroot("/tmp/jail")
print("CHANGED ROOT")
