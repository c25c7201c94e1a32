# title: blocks and ignores every signal that can be ignored, then waits
# mode: program
# expect: WALL_LIMIT
# guard: wall_limit
# proof: WAITED
# limits: wall_s=1
import signal
import time

print("ATTEMPT", flush=True)
for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
time.sleep(2.5)
print("WAITED")
