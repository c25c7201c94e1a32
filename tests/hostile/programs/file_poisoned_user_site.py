# title: leaves a start-up file for interpreters of the next run
# mode: program
# guard: private_tmp
# expect: ACCEPTED
# proof: POISONED
# runs: 2
import os
import subprocess
import sys

print("ATTEMPT", flush=True)
folder = f"/tmp/.local/lib/python3.{sys.version_info.minor}/site-packages"
subprocess.run([sys.executable, "-c", "pass"], check=True)
os.makedirs(folder, exist_ok=True)
with open(f"{folder}/usercustomize.py", "w") as file:
    file.write("print('POISON' 'ED', flush=True)\n")
