# title: starts another program and reads its output
# mode: program
# expect: ACCEPTED
# guard: none
# stdout: 'hello\n'
import subprocess
import sys

print(subprocess.run([sys.executable, "-c", "print('hello')"], capture_output=True, text=True, check=True).stdout, end="")
