# title: looks up where its cgroups lie on the host
# mode: program
# expect: RUNTIME_ERROR
# guard: pivot_root+cgroup_ns
# proof: BELONGS TO
import sys

print("ATTEMPT", flush=True)
with open("/proc/self/cgroup") as file:
    own = [line for line in file if "/qlayer-" in line]
if not own:
    sys.exit("no group's path to be seen")
print("BELONGS TO", own)
