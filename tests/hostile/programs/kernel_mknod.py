# title: makes an own device node for the host's memory
# mode: program
# expect: RUNTIME_ERROR
# guard: subprocess
# proof: MADE A DEVICE
# needs: root
import os
import stat

print("ATTEMPT", flush=True)
os.mknod("hostile-device", stat.S_IFCHR | 0o600, os.makedev(1, 1))
print("MADE A DEVICE", os.stat("hostile-device").st_rdev)
os.unlink("hostile-device")
