# title: reads a file of the host that everybody may read
# mode: program
# expect: RUNTIME_ERROR
# guard: pivot_root
# proof: A SECRET OF THE HOST
# argv: {folder}/secret
import sys

print("ATTEMPT", flush=True)
with open(sys.argv[1]) as file:
    print(file.read())
