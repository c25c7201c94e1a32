# title: leaves a core of a child
# mode: program
# expect: RUNTIME_ERROR
# guard: rlimit_core
# proof: DUMPED CORE
import os
import resource
import subprocess
import sys

print("ATTEMPT", flush=True)
_, hard = resource.getrlimit(resource.RLIMIT_CORE)
resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
child = subprocess.Popen(["/bin/sh", "-c", "kill -SEGV $$"])
_, status = os.waitpid(child.pid, 0)
if os.WCOREDUMP(status):
    print("DUMPED CORE")
elif hard in (resource.RLIM_INFINITY, resource.RLIM_INFINITY & (2**64 - 1)):
    sys.exit("ENOSYS: this host keeps its cores elsewhere")
else:
    sys.exit(f"limited to {hard}")
