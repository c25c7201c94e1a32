# title: calls a public address; must fail at once and never wait
# mode: program
# expect: RUNTIME_ERROR
# guard: net_ns+filter_sockets
# proof: LEFT THE HOST
# limits: wall_s=30
import errno
import socket
import sys

print("ATTEMPT", flush=True)
caller = socket.socket()
caller.setblocking(False)
error = caller.connect_ex(("192.0.2.1", 80))
if error not in (0, errno.EINPROGRESS):
    sys.exit(f"refused: {errno.errorcode[error]}")
print("LEFT THE HOST")
