# title: tells a name server a secret over TCP
# mode: program
# expect: RUNTIME_ERROR
# guard: net_ns+filter_sockets
# proof: ON ITS WAY
import errno
import socket
import sys

print("ATTEMPT", flush=True)
for address in ("8.8.8.8", "1.1.1.1", "127.0.0.53"):
    try:
        caller = socket.socket(socket.AF_INET)
        caller.setblocking(False)
        error = caller.connect_ex((address, 53))
    except OSError as refusal:
        print(refusal, file=sys.stderr)
        continue
    if error in (0, errno.EINPROGRESS, errno.ECONNREFUSED):
        print("ON ITS WAY to", address)
        sys.exit(0)
sys.exit("refused")
