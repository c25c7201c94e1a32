# title: calls a server that listens on the host's loopback
# mode: program
# expect: RUNTIME_ERROR
# guard: net_ns+filter_sockets
# proof: HELLO FROM THE HOST
# argv: {port}
import socket
import sys

print("ATTEMPT", flush=True)
with socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=5) as connection:
    print(connection.recv(100).decode())
