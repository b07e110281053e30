"""A reader of server-sent events that can be left at any point, and read as slowly as a test wants."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import attrs
import h11
import trio
from web_schema import DOCUMENT, check
from web_support import Site

[DATA] = [one["x-event-data"] for one in DOCUMENT["paths"]["/events"]["get"]["responses"]["200"]["content"].values()]


@attrs.frozen
class Message:
    id: str | None
    event: str
    data: dict[str, Any]


@attrs.define(eq=False)
class Reader:
    """Reads a stream as a browser does: `last_id` is what it would send when it comes back."""

    stream: trio.SocketStream
    connection: h11.Connection
    headers: Mapping[str, str] = attrs.field(factory=dict)
    last_id: str | None = None
    retry: int | None = None
    comments: int = 0
    _text: str = ""
    _has_ended: bool = False

    async def event(self) -> Any:
        while (event := self.connection.next_event()) is h11.NEED_DATA:
            self.connection.receive_data(await self.stream.receive_some())
        return event

    async def block(self) -> str | None:
        """Give the next block; None at the proper end of the stream; a stream that is cut off raises."""
        while "\n\n" not in self._text:
            event = None if self._has_ended else await self.event()
            if event is None or isinstance(event, h11.EndOfMessage):
                self._has_ended = True
                assert self._text == "", "cut off within a message"
                return None
            self._text += bytes(event.data).decode()
        block, _, self._text = self._text.partition("\n\n")
        return block

    async def next(self) -> Message | None:
        """Give the next message; None at the end."""
        while (block := await self.block()) is not None:
            fields = dict(line.partition(":")[::2] for line in block.splitlines())
            self.comments += "" in fields
            self.retry = int(fields["retry"]) if "retry" in fields else self.retry
            self.last_id = fields["id"].strip() if "id" in fields else self.last_id
            if "data" in fields:
                data = json.loads(fields["data"])
                check(DATA, data)
                return Message(self.last_id, fields["event"].strip(), data)
        return None

    async def rest(self) -> list[Message]:
        messages = []
        while (message := await self.next()) is not None:
            messages.append(message)
        return messages

    async def until(self, **wanted: Any) -> list[Message]:
        """Read up to the first message whose data has these values."""
        messages = []
        while (message := await self.next()) is not None:
            messages.append(message)
            if all(message.data.get(key) == value for key, value in wanted.items()):
                return messages
        raise AssertionError(f"the stream ended without {wanted}")


@asynccontextmanager
async def reading(
    here: Site,
    path: str = "/events",
    headers: Sequence[tuple[str, str | bytes]] = (),
    *,
    buffer: int | None = None,
    **query: Any,
) -> AsyncIterator[Reader]:
    """Open a stream for the length of a block; *buffer* bounds what its socket takes without being read."""
    connection = h11.Connection(h11.CLIENT)
    target = f"{path}?{urlencode(query, doseq=True)}" if query else path
    request = h11.Request(method="GET", target=target, headers=[("host", "localhost"), *headers])
    with trio.fail_after(20):
        sock = trio.socket.socket()
        if buffer is not None:
            sock.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_RCVBUF, buffer)
        await sock.connect(("127.0.0.1", here.port))
        async with trio.SocketStream(sock) as stream:
            await stream.send_all((connection.send(request) or b"") + (connection.send(h11.EndOfMessage()) or b""))
            reader = Reader(stream, connection)
            response = await reader.event()
            assert response.status_code == 200
            reader.headers = {name.decode(): value.decode() for name, value in response.headers}
            yield reader
