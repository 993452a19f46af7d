"""Text as a stream of bytes, unpacked as its name says, wherever the file lies: no more of it is fetched than is read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath

import pyarrow as pa

from ruleout.tables.remote import RemoteFile

__all__ = ["text_stream"]

_CODECS = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd"}


@contextmanager
def text_stream(file: Path | RemoteFile) -> Iterator[pa.NativeFile]:
    """A file's bytes from its beginning; `.gz`, `.bz2` and `.zst` unpacked.

    Raises
    ------
    TableError
        The store in which it lies gives no more of it, at the opening or later.
    """
    if isinstance(file, Path):
        with pa.input_stream(file, compression="detect") as stream:
            yield stream
        return
    codec = _CODECS.get(PurePath(file.name).suffix.lower())
    with file.streamed() as held:
        stream = pa.PythonFile(held, mode="r")
        yield pa.CompressedInputStream(stream, codec) if codec else stream
