# title: memory eaten as files in /tmp, which no limit on address space sees
# mode: program
# expect: MEMORY_LIMIT
# guard: memory_cgroup
# proof: STORED 128 MB
# limits: memory_bytes=67108864 disk_bytes=268435456
print("ATTEMPT", flush=True)
stored = 0
for index in range(128):
    with open(f"/tmp/block{index}", "wb") as file:
        file.write(b"x" * (1 << 20))
    stored += 1
print("STORED", stored, "MB")
