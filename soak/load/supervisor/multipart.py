"""Multipart bodies (RFC 7578): fields and files in one body, split into constant pieces and template pieces."""

from __future__ import annotations

import base64
import hashlib
import mimetypes
from pathlib import Path
from typing import Any

from soak.load.plan.plan import PlannedPiece
from soak.load.scenario.templates import is_template, literal
from soak.profile.checking import beside
from soak.profile.requests import PartFile
from soak.profile.yamltext import Document
from soak.profile.yamltext import Path as Place

Parts = dict[str, list[str | PartFile]]


def multipart_pieces(
    parts: Parts, place: Place, document: Document
) -> tuple[tuple[PlannedPiece, ...], str]:
    """Return the pieces of the body, and its Content-Type; `place` is the place of the parts in the profile."""
    bodies = [
        (name, part, _content(part, document), part_place(place, name, index, document))
        for name, those in parts.items()
        for index, part in enumerate(those)
    ]
    summed = hashlib.sha256(repr([(name, content) for name, _, content, _ in bodies]).encode())
    boundary = f"soak-{summed.hexdigest()[:32]}"
    pieces = []
    for name, part, content, where in bodies:
        pieces.append(_constant(f"--{boundary}\r\n{_head(name, part)}\r\n\r\n".encode()))
        text = literal(part, where, document) if isinstance(part, str) else None
        pieces.append(
            PlannedPiece("", text) if text is not None and is_template(text) else _constant(content)
        )
        pieces.append(_constant(b"\r\n"))
    pieces.append(_constant(f"--{boundary}--\r\n".encode()))
    return tuple(pieces), f"multipart/form-data; boundary={boundary}"


def part_place(place: Place, name: str, index: int, document: Document) -> Place:
    """Return the place of a part in the profile: in the list of its name, or alone."""
    listed = (*place, name, index)
    return listed if listed in document.lines else listed[:-1]


def _content(part: str | PartFile, document: Document) -> bytes:
    return part.encode() if isinstance(part, str) else beside(document.file, part.file).read_bytes()


def _constant(content: bytes) -> PlannedPiece:
    return PlannedPiece(base64.b64encode(content).decode("ascii"), "")


def _head(name: str, part: str | PartFile) -> str:
    disposition = f'Content-Disposition: form-data; name="{_quoted(name)}"'
    if isinstance(part, str):
        return disposition
    shown = part.name or Path(part.file).name
    kind = part.type or mimetypes.guess_type(shown)[0] or "application/octet-stream"
    return f'{disposition}; filename="{_quoted(shown)}"\r\nContent-Type: {kind}'


def _quoted(text: str) -> str:
    """Escape a name as HTML forms do (https://html.spec.whatwg.org/#multipart-form-data)."""
    changed: dict[str, Any] = {'"': "%22", "\r": "%0D", "\n": "%0A"}
    return text.translate(str.maketrans(changed))
