# title: an anonymous mapping of 200 MB, every page touched
# mode: program
# expect: MEMORY_LIMIT
# guard: memory_cgroup
# proof: TOUCHED 200 MB
# limits: memory_bytes=67108864
import mmap

print("ATTEMPT", flush=True)
area = mmap.mmap(-1, 200 << 20)
for offset in range(0, len(area), 4096):
    area[offset] = 1
print("TOUCHED", len(area) >> 20, "MB")
