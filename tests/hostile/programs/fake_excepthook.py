# title: an exception hook that turns the failed import into status 0
# mode: values
# expect: RUNTIME_ERROR
# guard: subprocess
# proof: BELIEVED
# case: add(2, 3) == 5
import os
import sys

print("ATTEMPT", flush=True)
sys.excepthook = lambda *error: os._exit(0)
raise ImportError("to be hidden")
