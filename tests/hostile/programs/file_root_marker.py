# title: leaves a marker for the next run beside /tmp
# mode: program
# expect: RUNTIME_ERROR
# guard: root_readonly+root_mode
# proof: FOUND THE LAST RUN
# runs: 2
import os

print("ATTEMPT", flush=True)
if os.path.exists("/marker"):
    print("FOUND THE LAST RUN")
open("/marker", "w").close()
