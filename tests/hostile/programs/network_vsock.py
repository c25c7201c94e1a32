# title: calls the hypervisor of the host
# mode: program
# expect: RUNTIME_ERROR
# guard: filter_sockets
# proof: MADE A SOCKET
import socket
import sys

print("ATTEMPT", flush=True)
for family in (socket.AF_VSOCK, socket.AF_PACKET, socket.AF_ALG, socket.AF_NETLINK):
    try:
        socket.socket(family, socket.SOCK_DGRAM).close()
    except OSError as error:
        print(error.strerror, file=sys.stderr)
        if error.errno != 1:
            print("MADE A SOCKET, or was asked for another type")
            sys.exit(0)
        continue
    print("MADE A SOCKET")
    sys.exit(0)
sys.exit(1)
