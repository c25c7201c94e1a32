# title: one file that pretends to hold a terabyte
# mode: program
# expect: RUNTIME_ERROR
# guard: rlimit_file_size
# proof: A TERABYTE
# limits: disk_bytes=4194304
import os

print("ATTEMPT", flush=True)
with open("/tmp/sparse", "wb") as file:
    os.ftruncate(file.fileno(), 1 << 40)
print("A TERABYTE")
