"""Bodies as their sender wrote them, undone from gzip, deflate and br, and never larger than allowed."""

from __future__ import annotations

import zlib

import brotli

from soak.load.http.response import TOO_LARGE


class DecodingError(Exception):
    """Why a body could not be decoded, as a failure kind."""


def decoded(body: bytes, encodings: str, most: int) -> bytes:
    """Undo what a Content-Encoding header says was done, last first; DecodingError beyond `most` bytes or when malformed."""
    for encoding in reversed([name.strip().lower() for name in encodings.split(",")]):
        if encoding in ("gzip", "x-gzip", "deflate"):
            body = _inflated(body, encoding, most)
        elif encoding == "br":
            body = _unbrotlied(body, most)
        elif encoding not in ("", "identity"):
            raise DecodingError(f"protocol: content encoding {encoding}"[:80])
    return body


def _inflated(body: bytes, encoding: str, most: int) -> bytes:
    """By zlib; deflate is meant to have zlib's header, and often comes without."""
    raw = encoding == "deflate" and not (body[:1] and body[0] & 0x0F == 8 and int.from_bytes(body[:2], "big") % 31 == 0)
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
        body = decoder.unused_data if encoding != "deflate" else b""  # gzip may have several members
    return b"".join(pieces)


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
