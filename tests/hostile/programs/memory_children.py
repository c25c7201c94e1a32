# title: eight children that hold 24 MB each, every one of them below the limit
# mode: program
# expect: MEMORY_LIMIT
# guard: memory_cgroup
# proof: HELD 192 MB
# limits: memory_bytes=67108864
import os

print("ATTEMPT", flush=True)
ready, tell = os.pipe()
gate, opened = os.pipe()
for _ in range(8):
    if os.fork() == 0:
        os.close(opened)
        block = bytearray(b"x" * (24 << 20))
        os.write(tell, b"x")
        os.read(gate, 1)
        os._exit(0)
os.close(tell)
held = 0
while held < 192 and os.read(ready, 1):
    held += 24
print("HELD", held, "MB")
os.close(opened)
