# title: a file in /tmp that the next run finds
# mode: program
# expect: ACCEPTED
# guard: private_tmp
# proof: LEFT BY THE LAST RUN
# runs: 2
import os

print("ATTEMPT", flush=True)
if os.path.exists("/tmp/hostile-marker"):
    print(open("/tmp/hostile-marker").read())
with open("/tmp/hostile-marker", "w") as file:
    file.write("LEFT BY THE LAST RUN")
