# Python's websockets: peer.py <origin> <access token> <ticket> <room>. Prints the events as JSON.
import asyncio
import json
import sys

import websockets

origin, token, ticket, room = sys.argv[1:]
address = origin.replace("http", "ws") + "/api/v1/ws"


# Renamed in version 14.
is_old = int(websockets.__version__.split(".")[0]) < 14
headers = "extra_headers" if is_old else "additional_headers"


async def ask(socket, message):
    await socket.send(json.dumps(message))
    return json.loads(await socket.recv())


async def refusal(opening):
    try:
        await opening
    except websockets.InvalidHandshake as error:
        return "Unexpected server response: 401" if "401" in str(error) else str(error)


async def closed(socket):
    await socket.wait_closed()
    return socket.close_code


async def main():
    by_protocol = await websockets.connect(address, subprotocols=["bearer", token])
    by_header = await websockets.connect(address, **{headers: {"Authorization": f"Bearer {token}"}})
    by_ticket = await websockets.connect(f"{address}?ticket={ticket}")
    by_message = await websockets.connect(address)
    again = await refusal(websockets.connect(f"{address}?ticket={ticket}"))

    ready = [json.loads(await socket.recv()) for socket in (by_protocol, by_header, by_ticket)]
    ready.append(await ask(by_message, {"type": "auth", "token": token}))
    pong = await by_header.ping("over there")
    await asyncio.wait_for(pong, 5)

    subscribed = await ask(by_protocol, {"type": "subscribe", "channel": room, "id": 1})
    data = {"text": "Grüße 🦊"}
    published = await ask(by_header, {"type": "publish", "channel": room, "data": data, "id": "a"})
    heard = json.loads(await by_protocol.recv())
    long = await ask(by_ticket, {"type": "publish", "channel": room, "data": "x" * 60_000})
    heard_long = json.loads(await by_protocol.recv())

    await by_ticket.send("x" * (64 * 1024 + 1))
    too_big = await closed(by_ticket)
    await by_message.close(4000, "enough")
    answered = by_protocol.response_headers if is_old else by_protocol.response.headers
    outcome = {
        "protocol": by_protocol.subprotocol,
        "extensions": answered.get("Sec-WebSocket-Extensions", ""),
        "ready": [message["type"] for message in ready],
        "again": again,
        "pong": "over there",
        "answers": [{"type": answer["type"], "id": answer["id"]} for answer in (subscribed, published)],
        "heard": heard["data"],
        "long": [long["type"], len(heard_long["data"])],
        "tooBig": too_big,
        "closed": by_message.close_code,
    }
    await by_header.close()
    await by_protocol.close(1000)
    print(json.dumps(outcome))


asyncio.run(asyncio.wait_for(main(), 20))
