"""What shows that the programs of the demo work together: one question to the end of each branch."""

import attrs
import trio

from dumb_actors.cli.demo_stack import CADDY, COUNTER, NOTES, Stack

__all__ = ["Proof", "prove"]

_PROOF_TIMEOUT_S = 30.0


@attrs.frozen
class Proof:
    """
    One thing that was shown.

    Attributes:
        what: In words.

        error: Why it was not; empty when it was.
    """

    what: str
    error: str = ""


async def prove(stack: Stack) -> list[Proof]:
    """Ask the end of each branch of *stack*, which is ready; each question is bounded in time."""
    return [await _prove_chain(stack), await _prove_row(stack), await _prove_count(stack)]


async def _prove_chain(stack: Stack) -> Proof:
    import httpx

    what = f"GET {stack.url} gives the file's content, through {CADDY}, rclone and WebDAV"
    try:
        async with httpx.AsyncClient(trust_env=False, verify=False, timeout=_PROOF_TIMEOUT_S) as http:  # noqa: S501  (loopback)
            answer = await http.get(stack.url)
    except httpx.HTTPError as error:
        return Proof(what, f"{error!r}")
    if answer.text != stack.content:
        return Proof(what, f"{answer.status_code}, {answer.text[:100]!r} came back")
    return Proof(what)


async def _prove_row(stack: Stack) -> Proof:
    what = f"SELECT in PostgreSQL gives the row that {NOTES} wrote"
    command = [*stack.psql, "--tuples-only", "--no-align", "-c", "SELECT text FROM notes"]
    with trio.move_on_after(_PROOF_TIMEOUT_S):
        done = await trio.run_process(command, capture_stdout=True, capture_stderr=True, check=False)
        if stack.note in done.stdout.decode().splitlines():
            return Proof(what)
        return Proof(what, (done.stderr or done.stdout).decode(errors="replace").strip())
    return Proof(what, f"psql did not answer within {_PROOF_TIMEOUT_S:g} s")


async def _prove_count(stack: Stack) -> Proof:
    what = f"GET in Valkey gives the number that {COUNTER} raised"
    received = b""
    with trio.move_on_after(_PROOF_TIMEOUT_S):
        try:
            async with await trio.open_tcp_stream("127.0.0.1", stack.valkey_port) as valkey:
                await valkey.send_all(f"GET {stack.counter}\r\n".encode())
                while received.count(b"\r\n") < 2 and (piece := await valkey.receive_some()):
                    received += piece
        except OSError as error:
            return Proof(what, f"{error!r}")
        # RESP: the length in a line of its own, then the text.
        value = received.partition(b"\r\n")[2].strip()
        return Proof(what) if value.isdigit() and int(value) > 0 else Proof(what, f"{received[:100]!r} came back")
    return Proof(what, f"Valkey did not answer within {_PROOF_TIMEOUT_S:g} s")
