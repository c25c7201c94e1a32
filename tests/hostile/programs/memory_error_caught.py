# title: catches its own MemoryError and claims that all is well
# mode: program
# expect: MEMORY_LIMIT
# guard: memory_cgroup+rlimits
# proof: all is well, 200 MB
# limits: memory_bytes=67108864
print("ATTEMPT", flush=True)
blocks = []
try:
    for _ in range(200):
        blocks.append(bytearray(b"x" * (1 << 20)))
    print("all is well,", len(blocks), "MB")
except MemoryError:
    blocks.clear()
    print("all is well")
