# title: reserves a terabyte of addresses and touches one page
# mode: program
# expect: ACCEPTED
# guard: none
# stdout: 'reserved\n'
import ctypes

PROT_RW, MAP_PRIVATE_ANONYMOUS_NORESERVE = 3, 0x2 | 0x20 | 0x4000
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
address = libc.mmap(None, 1 << 40, PROT_RW, MAP_PRIVATE_ANONYMOUS_NORESERVE, -1, 0)
assert address != ctypes.c_void_p(-1).value
ctypes.memset(address, 1, 4096)
print("reserved")
