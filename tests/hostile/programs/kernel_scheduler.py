# title: takes itself into another class of the scheduler
# mode: program
# expect: RUNTIME_ERROR
# guard: filter_scheduling
# proof: THE SCHEDULER OBEYED
import os
import sys

print("ATTEMPT", flush=True)
try:
    os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
except OSError as error:
    sys.exit(f"refused: {error}")
print("THE SCHEDULER OBEYED")
