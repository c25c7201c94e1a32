# title: makes a device node in /tmp and opens it
# mode: program
# expect: RUNTIME_ERROR
# guard: tmp_nodev+user_ns+second_uid+capabilities+filter_default
# proof: READ FROM AN OWN DEVICE
import os
import stat

print("ATTEMPT", flush=True)
os.mknod("device", stat.S_IFCHR | 0o666, os.makedev(1, 5))
with open("device", "rb") as device:
    assert device.read(4) == bytes(4)
print("READ FROM AN OWN DEVICE")
