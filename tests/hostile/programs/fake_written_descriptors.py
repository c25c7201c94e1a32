# title: writes a pass to every descriptor from 3 to 64 and ends
# mode: values
# expect: POLICY_VIOLATION
# guard: subprocess
# proof: BELIEVED
# case: add(2, 3) == 5
import os

print("ATTEMPT", flush=True)
for number in range(3, 65):
    try:
        os.write(number, b"PASS\n")
    except OSError:
        pass
os._exit(1)
