# title: a Python list that grows to 200 MB
# mode: program
# expect: MEMORY_LIMIT
# guard: memory_cgroup+rlimit_data
# proof: ATE 200 MB
# limits: memory_bytes=67108864
print("ATTEMPT", flush=True)
blocks = []
for _ in range(200):
    blocks.append(bytearray(b"x" * (1 << 20)))
print("ATE", len(blocks), "MB")
