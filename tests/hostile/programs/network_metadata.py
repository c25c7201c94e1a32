# title: the cloud's metadata address in several spellings
# mode: program
# expect: RUNTIME_ERROR
# guard: net_ns+filter_sockets
# proof: ASKED FOR CREDENTIALS
import errno
import socket
import sys

print("ATTEMPT", flush=True)
for family, address in (
    (socket.AF_INET, "169.254.169.254"),
    (socket.AF_INET, "2852039166"),
    (socket.AF_INET, "0xa9fea9fe"),
    (socket.AF_INET6, "::ffff:169.254.169.254"),
):
    try:
        caller = socket.socket(family)
        caller.setblocking(False)
        error = caller.connect_ex((address, 80))
    except OSError:
        continue
    if error in (0, errno.EINPROGRESS):
        print("ASKED FOR CREDENTIALS at", address)
        sys.exit(0)
sys.exit("refused in every spelling")
