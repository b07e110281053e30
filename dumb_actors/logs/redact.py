"""
Mask secrets in output on its way out: in whole texts, and in streams whose pieces may cut a secret.

The log file itself is raw. What is masked is every place where a known secret stands as it is, percent-encoded or
escaped as in JSON. Not found are other encodings (base64, for one) and secrets that nobody told us.
"""

import json
from collections.abc import Iterable
from typing import TypeAlias
from urllib.parse import quote, quote_plus

from dumb_actors.model.secret import SHORTEST

__all__ = ["MASK", "SHORTEST", "Redactor", "RedactorStream"]

MASK = b"[secret]"
Content: TypeAlias = bytes
"""Within the class the name is taken by the method."""


class Redactor:
    """
    Masks secrets; immutable, for any thread.

    Args:
        secrets: The secrets. Those of less than 6 characters are ignored, and so is what is a part of the mask itself.
            One of several lines is masked line by line.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in secrets for line in secret.splitlines() for form in _forms(line.strip())}
        # One search for each: `bytes.find` passes over 20 of them faster than one regular expression with 20 branches.
        self._forms = tuple(sorted(forms, key=lambda form: (-len(form), form)))
        self.longest = max(map(len, self._forms), default=0)
        """Bytes of the longest form of a secret; 0: there is nothing to mask."""

    def __repr__(self) -> str:
        return f"<Redactor of {len(self._forms)} texts>"

    def text(self, text: str) -> str:
        """Give *text* with every secret masked."""
        if not self._forms:
            return text
        content = text.encode(errors="surrogatepass")
        masked = self.bytes(content)
        return text if masked is content else masked.decode(errors="surrogatepass")

    def bytes(self, content: Content, skip: int = 0) -> Content:
        """
        Give *content* with every secret masked; the very same object where there is none.

        Secrets that overlap are masked as one.

        Args:
            skip: So many bytes at its beginning are only there to be looked at, and are left out of the result. A
                secret that reaches over their end is masked.
        """
        spans = self.find(content)
        if not spans and not skip:
            return content
        pieces, end = [], skip
        for low, high in spans:
            if high > skip:
                pieces += [content[end:low], MASK] if low >= end else [MASK]
                end = high
        return b"".join([*pieces, content[end:]])

    def find(self, content: Content) -> list[tuple[int, int]]:
        """Give where secrets stand in *content*, in order; those that overlap as one."""
        found: list[tuple[int, int]] = []
        for form in self._forms:
            place = content.find(form)
            while place >= 0:
                found.append((place, place + len(form)))
                place = content.find(form, place + 1)
        return _joined(found)

    def begun(self, content: Content) -> int:
        """Give how many bytes at the end of *content* could be the beginning of a secret."""
        longest = 0
        for form in self._forms:
            low = max(0, len(content) - len(form) + 1)
            while (low := content.find(form[:1], low)) >= 0 and len(content) - low > longest:
                if form.startswith(content[low:]):
                    longest = len(content) - low
                    break
                low += 1
        return longest

    def stream(self) -> "RedactorStream":
        """Give a masker for what comes in pieces."""
        return RedactorStream(self)


class RedactorStream:
    """Masks what comes in pieces; what comes out does not depend on where they are cut."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._held = b""
        self._masked = 0
        """So many of the bytes held are in a secret whose mask has been given."""

    @property
    def held(self) -> int:
        """How many bytes are held back."""
        return len(self._held)

    def feed(self, piece: bytes) -> bytes:
        """Give *piece*, masked, but for the bytes at its end that could begin a secret: they come with the next one."""
        content = self._held + piece if self._held else piece
        return self._give(content, len(content) - self._redactor.begun(content))

    def flush(self) -> bytes:
        """Give what was held back, masked; the stream has ended."""
        return self._give(self._held, len(self._held))

    def _give(self, content: bytes, upto: int) -> bytes:
        """Give what lies before *upto*; a secret that begins there is masked although its end may be held back."""
        spans = self._redactor.find(content)
        end = self._masked
        if not spans and not end and upto == len(content):
            self._held = b""
            return content
        pieces = []
        for low, high in spans:
            if low >= upto and low >= end:
                break
            if low >= end:
                pieces += [content[end:low], MASK]
            end = max(end, high)
        if end < upto:
            pieces.append(content[end:upto])
        self._held = content[upto:]
        self._masked = max(0, end - upto)
        return b"".join(pieces)


def _forms(secret: str) -> set[bytes]:
    """Give the ways in which *secret* may be written; none where it is to be ignored."""
    if len(secret) < SHORTEST or secret.encode(errors="surrogatepass") in MASK:
        return set()
    texts = {secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    percent = {how(secret, safe=safe, errors="replace") for how in (quote, quote_plus) for safe in ("", "/")}
    return {text.encode(errors="surrogatepass") for text in texts | percent}


def _joined(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for low, high in sorted(spans):
        if joined and low < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(high, joined[-1][1]))
        else:
            joined.append((low, high))
    return joined
