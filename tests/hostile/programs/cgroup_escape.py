# title: moves itself out of its cgroup by writing to cgroup.procs
# mode: program
# expect: RUNTIME_ERROR
# guard: subprocess
# proof: JOINED
# needs: root
import glob
import sys

print("ATTEMPT", flush=True)
for procs in sorted(glob.glob("/sys/fs/cgroup/*/cgroup.procs") + glob.glob("/sys/fs/cgroup/cgroup.procs")):
    try:
        with open(procs, "w") as file:
            file.write("0")
    except OSError:
        continue
    print("JOINED", procs)
    sys.exit(0)
sys.exit("no cgroup.procs to be written")
