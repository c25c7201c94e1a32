# title: reserves a terabyte of disk, then what is left after a refusal
# mode: program
# expect: RUNTIME_ERROR
# guard: tmp_size+rlimit_file_size
# proof: RESERVED 64 MB
# limits: disk_bytes=4194304
import os
import sys

print("ATTEMPT", flush=True)
file = os.open("/tmp/full", os.O_CREAT | os.O_WRONLY)
for size in (1 << 40, 64 << 20):
    try:
        os.posix_fallocate(file, 0, size)
    except OSError as error:
        print(error, file=sys.stderr)
    else:
        print("RESERVED", size >> 20, "MB")
        sys.exit(0)
sys.exit(1)
