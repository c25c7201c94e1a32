# title: fills pipes, whose pages belong to no process
# mode: program
# guard: memory_cgroup
# expect: MEMORY_LIMIT
# proof: HELD
# limits: memory_bytes=33554432
import fcntl
import os

print("ATTEMPT", flush=True)
held = 0
pipes = []
for _ in range(60):
    ready, tell = os.pipe()
    pipes.append((ready, tell))
    try:
        fcntl.fcntl(tell, fcntl.F_SETPIPE_SZ, 1 << 20)
    except OSError:
        pass
    os.set_blocking(tell, False)
    try:
        while True:
            held += os.write(tell, b"x" * 65536)
    except BlockingIOError:
        pass
print("HELD", held >> 20, "MB")
