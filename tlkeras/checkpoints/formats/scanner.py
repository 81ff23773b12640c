"""Numbers and texts of a binary file, one after another and never beyond its end."""

import os
import struct
from typing import IO, Any, NoReturn


class Scanner:
    """Read a file from its beginning, believing no length that it claims.

    Args:
        file: open for reading bytes.
        path: of it, for messages.
        kind: what the file should be, such as `"a whole GGUF file"`.
    """

    def __init__(self, file: IO[bytes], path: Any, kind: str) -> None:
        self.file, self.path, self.kind = file, path, kind
        self.size = os.fstat(file.fileno()).st_size

    @property
    def place(self) -> int:
        """Bytes from the file's beginning."""
        return self.file.tell()

    def refuse(self, problem: str) -> NoReturn:
        raise ValueError(
            f"{self.path} must be {self.kind}; {problem}. It may be truncated, or "
            "something else under this name. Get it again."
        )

    def room(self, size: int, what: str) -> None:
        """Raise unless so many bytes are left."""
        left = self.size - self.place
        if size > left:
            self.refuse(f"{what} would need {size:,} bytes, and {left:,} are left")

    def take(self, size: int, what: str) -> bytes:
        self.room(size, what)
        return self.file.read(size)

    def skip(self, size: int, what: str) -> None:
        self.room(size, what)
        self.file.seek(size, os.SEEK_CUR)

    def number(self, code: str, what: str) -> Any:
        """One number, of the kind that `struct` calls so, little-endian."""
        return self.numbers(code, 1, what)[0]

    def numbers(self, code: str, count: int, what: str) -> tuple[Any, ...]:
        data = self.take(count * struct.calcsize(f"<{code}"), what)
        return struct.unpack(f"<{count}{code}", data)

    def text(self, size: int, what: str) -> str:
        data = self.take(size, what)
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            self.refuse(f"{what} is no text in UTF-8")
