"""The elements of a JSON file's arrays one by one, for files too large to hold."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from acnet.errors import AcnetError

_CHUNK = 1 << 20
_LONGEST = 1 << 27  # no element is longer: what does not end by then is no JSON


class _Text:
    """A window over a file that grows until a value in it is whole. One byte is one character, so places are bytes."""

    def __init__(self, path: Path, handle: Any):
        self._path, self._handle = path, handle
        self._text, self._at, self._start, self._end = "", 0, 0, False
        self._decode = json.JSONDecoder().raw_decode

    def peek(self) -> str:
        """The next character that is no white space; empty at the end."""
        while True:
            while self._at < len(self._text):
                if not self._text[self._at].isspace():
                    return self._text[self._at]
                self._at += 1
            if self._end:
                return ""
            self._grow()

    def take(self, expected: str) -> str:
        """Step over the next character, one of `expected`."""
        found = self.peek()
        if not found or found not in expected:
            raise self._broken(f"'{found}' instead of '{expected}'")
        self._at += 1
        return found

    def value(self) -> tuple[int, int, Any]:
        """(first byte, bytes, value) of the next value."""
        self.peek()
        while True:
            try:
                value, end = self._decode(self._text, self._at)
                if end < len(self._text) or self._end:  # else a number may go on
                    break
            except json.JSONDecodeError as error:
                if self._end or len(self._text) - self._at > _LONGEST:
                    raise self._broken(error.msg) from error
            self._grow()
        first = self._start + self._at
        count, self._at = end - self._at, end
        return first, count, value

    def _grow(self) -> None:
        rest = self._text[self._at :]
        more = self._handle.read(max(_CHUNK, len(rest))).decode("latin-1")
        self._start += self._at
        self._text, self._at, self._end = rest + more, 0, not more

    def _broken(self, why: str) -> AcnetError:
        return AcnetError(f"{self._path}: not valid JSON near byte {self._start + self._at} ({why}); download it again")


def elements(path: Path) -> Iterator[tuple[str, int, int, Any]]:
    """(key, first byte, bytes, value) of each element of each array that is a value of the file's object.

    Other values are passed over. Texts beyond ASCII are not decoded: parse the bytes again for those. Raises AcnetError
    if the file is no JSON object.
    """
    with open(path, "rb") as handle:
        text = _Text(path, handle)
        text.take("{")
        while text.peek() != "}":
            _, _, key = text.value()
            text.take(":")
            if text.peek() == "[":
                text.take("[")
                while text.peek() != "]":
                    yield (key, *text.value())
                    if text.peek() != "]":
                        text.take(",")
                text.take("]")
            else:
                text.value()
            if text.peek() != "}":
                text.take(",")
