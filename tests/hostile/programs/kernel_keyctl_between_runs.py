# title: a key in the kernel's keyring that the next run reads
# mode: program
# expect: RUNTIME_ERROR
# guard: filter_keys
# proof: LEFT BY THE LAST RUN
# runs: 2
import ctypes
import os
import sys

SYS_add_key, SYS_keyctl, KEYCTL_SEARCH, KEYCTL_READ, USER_KEYRING = 248, 250, 10, 11, -4
libc = ctypes.CDLL(None, use_errno=True)
print("ATTEMPT", flush=True)
key = libc.syscall(SYS_keyctl, KEYCTL_SEARCH, USER_KEYRING, b"user", b"hostile", 0)
if key > 0:
    text = ctypes.create_string_buffer(64)
    libc.syscall(SYS_keyctl, KEYCTL_READ, key, text, ctypes.c_long(64))
    print(text.value.decode())
    sys.exit(0)
payload = b"LEFT BY THE LAST RUN"
if libc.syscall(SYS_add_key, b"user", b"hostile", payload, ctypes.c_long(len(payload)), USER_KEYRING) < 0:
    sys.exit(f"refused: {os.strerror(ctypes.get_errno())}")
print("planted")
