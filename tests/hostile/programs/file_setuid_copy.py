# title: a program with the set-uid bit for the interpreter's account, then that account itself
# mode: program
# expect: RUNTIME_ERROR
# guard: capabilities+child_filter
# proof: ANOTHER ACCOUNT
import os
import shutil
import sys

print("ATTEMPT", flush=True)
shutil.copy("/usr/bin/id", "/tmp/id")
try:
    os.chown("/tmp/id", 1000, 1000)
    os.chmod("/tmp/id", 0o6755)
    os.setuid(1000)
except PermissionError as error:
    sys.exit(f"refused: {error}")
print("ANOTHER ACCOUNT")
