"""Writes profiles in the wire format, by hand, so that reading them is tested against something else."""

from __future__ import annotations


def number(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes((*out, value))


def varint(field: int, value: int) -> bytes:
    return number(field << 3) + number(value)


def sized(field: int, content: bytes) -> bytes:
    return number(field << 3 | 2) + number(len(content)) + content


def line_of(function: str) -> int:
    """The line that a function is given, the same in every profile."""
    return 1 + sum(map(ord, function))


def profile(
    samples: list[tuple[list[str], list[int]]], columns: tuple[str, ...], *, packed: bool = True
) -> bytes:
    """A profile of samples, each a stack of functions (innermost first) and a value a column."""
    text = ["", "bytes", "main.go", *columns]
    functions = sorted({function for stack, _ in samples for function in stack})
    text += functions
    out = b"".join(sized(1, varint(1, text.index(column)) + varint(2, 1)) for column in columns)
    for stack, values in samples:
        calls = [10 + functions.index(function) for function in stack]
        if packed:
            sample = sized(1, b"".join(map(number, calls))) + sized(
                2, b"".join(map(number, values))
            )
        else:
            sample = b"".join(varint(1, call) for call in calls) + b"".join(
                varint(2, value) for value in values
            )
        out += sized(2, sample + sized(3, varint(1, 1)) + varint(99, 7))
    for place, function in enumerate(functions):
        line = varint(1, place + 1) + varint(2, line_of(function))
        out += sized(4, varint(1, 10 + place) + varint(3, 0x1234) + sized(4, line))
        out += sized(5, varint(1, place + 1) + varint(2, text.index(function)) + varint(4, 2))
    out += b"".join(sized(6, character.encode()) for character in text)
    return (
        out + varint(9, 5_000_000_000) + sized(11, varint(1, 0) + varint(2, 1)) + varint(12, 524288)
    )
