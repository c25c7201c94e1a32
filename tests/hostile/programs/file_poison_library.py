# title: plants a module in the interpreter's own library for later runs
# mode: program
# expect: RUNTIME_ERROR
# guard: subprocess
# proof: PLANTED
# needs: root
import os
import sys

print("ATTEMPT", flush=True)
for folder in (os.path.dirname(os.__file__), *sys.path[1:], sys.prefix):
    path = os.path.join(folder, "hostile_planted.py")
    try:
        with open(path, "w"):
            pass
    except OSError:
        continue
    if folder.startswith("/tmp"):
        continue
    os.unlink(path)
    print("PLANTED")
    sys.exit(0)
sys.exit("no library can be written")
