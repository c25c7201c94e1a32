# title: an asyncio server and client on a unix socket, with a timer
# mode: program
# expect: ACCEPTED
# guard: none
# stdout: 'pong\n'
import asyncio


async def answer(reader, writer):
    if await reader.readline() == b"ping\n":
        writer.write(b"pong\n")
    await writer.drain()
    writer.close()


async def main():
    server = await asyncio.start_unix_server(answer, "/tmp/server.sock")
    async with server:
        reader, writer = await asyncio.open_unix_connection("/tmp/server.sock")
        writer.write(b"ping\n")
        await asyncio.sleep(0.01)
        print((await reader.readline()).decode(), end="")
        writer.close()


asyncio.run(main())
