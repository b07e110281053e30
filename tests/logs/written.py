"""Write logs as a supervisor does, with an index and rotated parts, at times of the test's own."""

import gzip
import os
from pathlib import Path
from unittest import mock

import attrs
from hypothesis import strategies as st

from dumb_actors.logs.index import IndexWriter, index_path


@st.composite
def secrets_and_text(draw: st.DrawFn, extra: str = "") -> tuple[list[str], str]:
    """Draw secrets of few letters, and a text that is full of them, of their beginnings, and of their ends."""
    secrets = draw(st.lists(st.text(alphabet="ab€", min_size=6, max_size=8), min_size=1, max_size=3))
    whole = st.sampled_from(secrets)
    cut = st.integers(1, 5)
    piece = st.one_of(
        whole,
        st.builds(lambda secret, at: secret[:at], whole, cut),
        st.builds(lambda secret, at: secret[at:], whole, cut),
        st.text(alphabet=f"ab€{extra}", max_size=3),
    )
    return secrets, "".join(draw(st.lists(piece, max_size=9)))


SECOND = 1_000_000_000
BEGAN = 1_700_000_000


@attrs.frozen
class Wrote:
    """One write: what, when (seconds after `BEGAN`), by whom, and whether the log is rotated before it."""

    content: bytes
    at: float
    generation: int
    rotates: bool = False


def write_log(path: Path, writes: list[Wrote], *, packed: bool = True, indexed: bool = True) -> None:
    """Write a log; parts from the second rotated one on are compressed."""
    writer: IndexWriter | None = None
    generation = -1
    for number, wrote in enumerate(writes):
        if wrote.rotates and path.exists() and path.stat().st_size:
            rotate(path, packed=packed)
            generation = -1
        if wrote.generation != generation:
            if writer is not None:
                writer.close()
            writer = IndexWriter(str(path), wrote.generation) if indexed else None
            generation = wrote.generation
        if not wrote.content:
            continue
        # No two writes at the very same instant: the time of a part's first entry is its name.
        now_ns = BEGAN * SECOND + int(wrote.at * SECOND) + number
        with path.open("ab") as file:
            if writer is not None:
                with mock.patch("dumb_actors.logs.index.time.time_ns", return_value=now_ns):
                    writer.note(file.tell())
            file.write(wrote.content)
        os.utime(path, ns=(now_ns, now_ns))
    if writer is not None:
        writer.close()


def rotate(path: Path, *, packed: bool = True, kept: int = 30) -> None:
    """Rename the parts and their indexes; compress what becomes the second."""
    for number in range(kept, 0, -1):
        for ending in ("", ".gz", ".idx"):
            source = Path(f"{path}{ending}") if number == 1 else Path(f"{path}.{number - 1}{ending}")
            if source.exists():
                source.rename(f"{path}.{number}{ending}")
    second = Path(f"{path}.2")
    if packed and second.exists():
        pack(second)


def pack(part: Path) -> None:
    """Compress a part; it keeps its time and its index."""
    found = part.stat()
    packed = Path(f"{part}.gz")
    packed.write_bytes(gzip.compress(part.read_bytes()))
    os.utime(packed, ns=(found.st_atime_ns, found.st_mtime_ns))
    part.unlink()
    assert index_path(str(packed)) == index_path(str(part))
