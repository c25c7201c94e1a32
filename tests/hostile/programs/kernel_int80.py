# title: a 32-bit system call, whose numbers mean other calls
# mode: program
# expect: SIGNALLED
# guard: filter_architecture
# proof: CALLED THROUGH INT 0X80
import ctypes
import mmap

GETPID_32 = bytes.fromhex("53b814000000cd805bc3")  # push rbx; mov eax, 20; int 0x80; pop rbx; ret
print("ATTEMPT", flush=True)
page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
page.write(GETPID_32)
call = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
if call() > 0:
    print("CALLED THROUGH INT 0X80")
