# title: calls a server of the host on an abstract unix socket
# mode: program
# expect: RUNTIME_ERROR
# guard: net_ns
# proof: HELLO FROM THE HOST
# argv: {abstract}
import socket
import sys

print("ATTEMPT", flush=True)
with socket.socket(socket.AF_UNIX) as connection:
    connection.settimeout(5)
    connection.connect("\0" + sys.argv[1])
    print(connection.recv(100).decode())
