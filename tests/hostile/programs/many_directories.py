# title: 50,000 directories, each inside the last
# mode: program
# expect: DISK_LIMIT
# guard: tmp_inodes
# proof: NESTED
import os

print("ATTEMPT", flush=True)
os.chdir("/tmp")
for _ in range(50_000):
    os.mkdir("d")
    os.chdir("d")
os.chdir("/tmp")
print("NESTED")
