# title: eight children that hold 24 MB each, every one of them below the limit
# mode: program
# expect: MEMORY_LIMIT
# guard: memory_cgroup
# proof: HELD 192 MB
# limits: memory_bytes=67108864
import os
import time

print("ATTEMPT", flush=True)
ready, tell = os.pipe()
for _ in range(8):
    if os.fork() == 0:
        block = bytearray(b"x" * (24 << 20))
        os.write(tell, b"x")
        time.sleep(1)
        os._exit(0)
os.close(tell)
held = 0
while os.read(ready, 1):
    held += 24
print("HELD", held, "MB")
