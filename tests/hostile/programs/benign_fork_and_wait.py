# title: forks a child and waits for it
# mode: program
# expect: ACCEPTED
# guard: none
# stdout: 'child 7\n'
import os

child = os.fork()
if child == 0:
    os._exit(7)
_, status = os.waitpid(child, 0)
print("child", os.waitstatus_to_exitcode(status))
