# title: writes where everybody may write on the host
# mode: program
# expect: RUNTIME_ERROR
# guard: pivot_root
# proof: WROTE TO THE HOST
# argv: {folder}/drop
import sys

print("ATTEMPT", flush=True)
with open(sys.argv[1] + "/written", "w") as file:
    file.write("gotcha")
print("WROTE TO THE HOST")
