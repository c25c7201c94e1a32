# title: sixteen children that hold 12 MB each
# mode: program
# guard: memory_cgroup
# expect: MEMORY_LIMIT
# proof: HELD 192 MB
# limits: memory_bytes=100663296
import os
import time

print("ATTEMPT", flush=True)
ready, tell = os.pipe()
for _ in range(16):
    if os.fork() == 0:
        block = bytearray(b"x" * (12 << 20))
        os.write(tell, b"x")
        time.sleep(1)
        os._exit(0)
os.close(tell)
held = 0
while os.read(ready, 1):
    held += 12
print("HELD", held, "MB")
