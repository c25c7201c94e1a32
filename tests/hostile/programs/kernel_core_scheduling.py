# title: asks for a core of its own
# mode: program
# expect: RUNTIME_ERROR
# guard: filter_prctl
# proof: THE KERNEL LOOKED
import ctypes
import errno
import sys

PR_SCHED_CORE, PR_SCHED_CORE_GET = 62, 0
libc = ctypes.CDLL(None, use_errno=True)
print("ATTEMPT", flush=True)
libc.prctl(PR_SCHED_CORE, PR_SCHED_CORE_GET, 0, 99, 0)
if ctypes.get_errno() == errno.EPERM:
    sys.exit("refused")
print("THE KERNEL LOOKED")
