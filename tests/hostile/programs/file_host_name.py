# title: asks for the name of its host
# mode: program
# expect: RUNTIME_ERROR
# guard: uts_ns
# proof: THE HOST'S NAME
# argv: {name}
import os
import sys

print("ATTEMPT", flush=True)
if os.uname().nodename != sys.argv[1]:
    sys.exit(f"it says {os.uname().nodename!r}")
print("THE HOST'S NAME")
