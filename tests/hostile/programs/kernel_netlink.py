# title: a netlink socket, the way into many of the kernel's parsers
# mode: program
# expect: RUNTIME_ERROR
# guard: filter_sockets
# proof: A NETLINK SOCKET
import socket

print("ATTEMPT", flush=True)
socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
print("A", "NETLINK SOCKET")
