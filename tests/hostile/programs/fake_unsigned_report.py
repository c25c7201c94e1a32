# title: writes well-formed reports for calls that were never made
# mode: values
# expect: POLICY_VIOLATION
# guard: nonce
# proof: ACCEPTED
# case: add(2, 3) == 5
import json
import os

print("ATTEMPT", flush=True)
for report in (
    {"kind": "imported"},
    {"kind": "case", "index": 0, "value": "5", "seconds": 0.0},
    {"kind": "done"},
):
    line = json.dumps({"nonce": "guessed", **report}).encode() + b"\n"
    for number in range(3, 8):
        try:
            os.write(number, line)
        except OSError:
            pass
os._exit(0)
