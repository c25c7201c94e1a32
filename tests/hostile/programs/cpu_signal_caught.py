# title: catches SIGXCPU and goes on spinning
# mode: program
# expect: CPU_LIMIT
# guard: rlimits
# proof: SPUN ON
# limits: cpu_s=0.5 wall_s=60
import signal
import time

print("ATTEMPT", flush=True)
signal.signal(signal.SIGXCPU, signal.SIG_IGN)
while time.process_time() < 2.5:
    pass
print("SPUN ON")
