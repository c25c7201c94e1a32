# title: writes 24 MB where 4 MB are granted
# mode: program
# expect: DISK_LIMIT
# guard: tmp_size
# proof: WROTE 24 MB
# limits: disk_bytes=4194304
print("ATTEMPT", flush=True)
for index in range(24):
    with open(f"/tmp/full{index}", "wb") as file:
        file.write(b"x" * (1 << 20))
print("WROTE 24 MB")
