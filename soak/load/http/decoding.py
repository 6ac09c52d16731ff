"""Decode response bodies from gzip, deflate, br and zstd, up to a maximum size."""

from __future__ import annotations

import zlib

import brotli
import zstandard

from soak.load.http.response import TOO_LARGE

#: Maximum memory in bytes for the window of a zstd frame (RFC 9659).
ZSTD_WINDOW = 8 << 20
#: Names that mean no encoding; `none` and `utf-8` are wrong, but common.
_PLAIN = ("", "identity", "none", "utf-8", "utf8")


class DecodingError(Exception):
    """A body could not be decoded; the message is a failure kind."""


def decoded(body: bytes, encodings: str, most: int) -> bytes:
    """Undo the encodings of a Content-Encoding header, last first. DecodingError beyond `most` bytes or if malformed."""
    for encoding in reversed([name.strip().lower() for name in encodings.split(",")]):
        if encoding in ("gzip", "x-gzip", "deflate"):
            body = _inflated(body, encoding, most)
        elif encoding == "br":
            body = _unbrotlied(body, most)
        elif encoding == "zstd":
            body = _unzstded(body, most)
        elif encoding not in _PLAIN:
            raise DecodingError(f"protocol: content encoding {encoding}"[:80])
    return body


def _inflated(body: bytes, encoding: str, most: int) -> bytes:
    """Decode gzip or deflate with zlib. A deflate body should have zlib's header, but often has none."""
    raw = encoding == "deflate" and not (
        body[:1] and body[0] & 0x0F == 8 and int.from_bytes(body[:2], "big") % 31 == 0
    )
    pieces, size = [], 0
    while body:
        decoder = zlib.decompressobj(-15 if raw else 15 if encoding == "deflate" else 31)
        try:
            piece = decoder.decompress(body, most - size + 1)
        except zlib.error:
            raise DecodingError(f"protocol: malformed {encoding}") from None
        pieces.append(piece)
        size += len(piece)
        if size > most:
            raise DecodingError(TOO_LARGE)
        if not decoder.eof:
            raise DecodingError(f"protocol: {encoding} cut short")
        body = (
            decoder.unused_data if encoding != "deflate" else b""
        )  # gzip may have several members
    return b"".join(pieces)


def _unzstded(body: bytes, most: int) -> bytes:
    decoder = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW)
    try:
        piece = decoder.stream_reader(body, read_across_frames=True).read(most + 1)
        complete = len(piece) > most or _is_complete(body)
    except zstandard.ZstdError:
        raise DecodingError("protocol: malformed zstd") from None
    if len(piece) > most:
        raise DecodingError(TOO_LARGE)
    if not complete:
        raise DecodingError("protocol: zstd cut short")
    return piece


def _is_complete(body: bytes) -> bool:
    """Return True if the last frame of a body is complete."""
    rest = body
    while rest:
        decoder = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW).decompressobj()
        decoder.decompress(rest)
        if not decoder.eof:
            return False
        rest = decoder.unused_data
    return True


def _unbrotlied(body: bytes, most: int) -> bytes:
    decoder = brotli.Decompressor()
    try:
        piece = decoder.process(body, output_buffer_limit=most + 1)
        pieces, size = [piece], len(piece)
        while piece and size <= most and not decoder.is_finished():
            piece = decoder.process(b"", output_buffer_limit=most + 1 - size)
            pieces.append(piece)
            size += len(piece)
    except brotli.error:
        raise DecodingError("protocol: malformed br") from None
    if size > most:
        raise DecodingError(TOO_LARGE)
    if body and not decoder.is_finished():
        raise DecodingError("protocol: br cut short")
    return b"".join(pieces)
