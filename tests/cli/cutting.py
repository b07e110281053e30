"""A relay in front of a server whose connections can be cut, as a network does."""

import select
import socket
import threading
from contextlib import suppress


class Relay:
    """Relays connections to *port* for the length of a block."""

    def __init__(self, port: int):
        self._target = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        self._threads = [threading.Thread(target=self._accept, args=(self._listener,))]

    @property
    def url(self):
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self):
        self._threads[0].start()
        return self

    def __exit__(self, *exc):
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        self._threads[0].join()
        self.break_all()
        for thread in self._threads:
            thread.join()

    def break_all(self):
        """Break the connections that are open."""
        for each in list(self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener):
        with listener, suppress(OSError):
            while True:
                client, _ = listener.accept()
                thread = threading.Thread(target=self._relay, args=(client,))
                self._threads.append(thread)
                thread.start()

    def _relay(self, client):
        with client, suppress(OSError), socket.create_connection(self._target) as server:
            ends = {client: server, server: client}
            self._open |= set(ends)
            try:
                while True:
                    for source in select.select(list(ends), [], [])[0]:
                        if not (piece := source.recv(65536)):
                            return
                        ends[source].sendall(piece)
            finally:
                self._open -= set(ends)
