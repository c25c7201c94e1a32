# title: looks for trees and temporary files of other runs and of the host
# mode: program
# expect: RUNTIME_ERROR
# guard: pivot_root
# proof: SEES THE HOST
import os
import sys

print("ATTEMPT", flush=True)
for folder in ("/var/lib", "/home", "/run", "/sys", "/boot"):
    if os.path.isdir(folder) and os.listdir(folder):
        print("SEES THE HOST:", folder)
        sys.exit(0)
sys.exit("nothing but the interpreter")
