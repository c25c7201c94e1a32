# title: forty thousand empty files, to use up the inodes
# mode: program
# expect: DISK_LIMIT
# guard: tmp_inodes
# proof: MADE 40000 FILES
# limits: disk_bytes=4194304 cpu_s=20 wall_s=60
import os

print("ATTEMPT", flush=True)
os.mkdir("/tmp/many")
for index in range(40_000):
    os.close(os.open(f"/tmp/many/{index}", os.O_CREAT | os.O_WRONLY))
print("MADE 40000 FILES")
