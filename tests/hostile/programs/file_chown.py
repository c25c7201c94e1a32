# title: gives a file of its own to the interpreter's account
# mode: program
# expect: RUNTIME_ERROR
# guard: capabilities
# proof: GAVE IT AWAY
import os
import sys

print("ATTEMPT", flush=True)
with open("/tmp/mine", "w"):
    pass
try:
    os.chown("/tmp/mine", 1000, 1000)
except PermissionError as error:
    sys.exit(f"refused: {error}")
print("GAVE IT AWAY")
