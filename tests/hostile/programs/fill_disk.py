# title: writes 24 MB where 4 MB are granted
# mode: program
# expect: DISK_LIMIT
# guard: private_tmp
# proof: WROTE 24 MB
# limits: disk_bytes=4194304
print("ATTEMPT", flush=True)
with open("/tmp/full", "wb", buffering=0) as file:
    for _ in range(24):
        if file.write(b"x" * (1 << 20)) != 1 << 20:
            raise SystemExit("the disk is full")
print("WROTE 24 MB")
