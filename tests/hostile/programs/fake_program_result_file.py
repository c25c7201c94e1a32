# title: leaves a file that says it has passed
# mode: program
# expect: WRONG_ANSWER
# guard: subprocess
# proof: BELIEVED
# stdout: '42\n'
import json
import sys

print("ATTEMPT", file=sys.stderr, flush=True)
with open("result.json", "w") as file:
    json.dump({"passed": True, "outcome": "ACCEPTED"}, file)
