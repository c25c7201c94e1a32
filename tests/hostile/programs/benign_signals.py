# title: handles its own signals
# mode: program
# expect: ACCEPTED
# guard: none
# stdout: '10\n'
import os
import signal

seen = []
signal.signal(signal.SIGUSR1, lambda number, frame: seen.append(number))
os.kill(os.getpid(), signal.SIGUSR1)
print(seen[0])
