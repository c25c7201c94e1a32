# title: sixteen children that hold 12 MB each
# mode: program
# guard: memory_cgroup
# expect: MEMORY_LIMIT
# proof: HELD 192 MB
# limits: memory_bytes=100663296
import os

print("ATTEMPT", flush=True)
ready, tell = os.pipe()
gate, opened = os.pipe()
for _ in range(16):
    if os.fork() == 0:
        os.close(opened)
        block = bytearray(b"x" * (12 << 20))
        os.write(tell, b"x")
        os.read(gate, 1)
        os._exit(0)
os.close(tell)
held = 0
while held < 192 and os.read(ready, 1):
    held += 12
print("HELD", held, "MB")
os.close(opened)
