# title: looks for secrets in the environment
# mode: program
# expect: RUNTIME_ERROR
# guard: subprocess
# proof: A SECRET OF THE HOST
# needs: secret environment
import os
import sys

print("ATTEMPT", flush=True)
if "HOSTILE_SECRET" in os.environ:
    print(os.environ["HOSTILE_SECRET"])
    sys.exit(0)
with open("/proc/self/environ") as file:
    print(file.read())
sys.exit("no secret")
