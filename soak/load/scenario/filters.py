"""Template filters that sign and encode: base64, hashes, HMACs and JSON Web Tokens."""

from __future__ import annotations

import base64
import hashlib
import hmac
import warnings
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from typing import Any

from jinja2 import nodes

_DIGESTS = ("sha1", "sha256", "sha384", "sha512", "md5")
_ENCODINGS = ("hex", "base64")


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


def b64encode(value: Any, *, url: bool = False) -> str:
    """Return the base64 of a text in UTF-8; with `url`, in the alphabet for URLs and without padding."""
    encoded = (
        base64.urlsafe_b64encode(_bytes(value)).rstrip(b"=")
        if url
        else base64.b64encode(_bytes(value))
    )
    return encoded.decode("ascii")


def sha256(value: Any) -> str:
    """Return the SHA-256 of a text in UTF-8, in hexadecimal digits."""
    return hashlib.sha256(_bytes(value)).hexdigest()


def signed(value: Any, key: Any, digest: str = "sha256", encoding: str = "hex") -> str:
    """Return the HMAC (RFC 2104) of a text, as `hex` or `base64`. ValueError for other digests or encodings."""
    if digest not in _DIGESTS or encoding not in _ENCODINGS:
        raise ValueError("no such digest or encoding")
    made = hmac.new(_bytes(key), _bytes(value), digest)
    return (
        made.hexdigest() if encoding == "hex" else base64.b64encode(made.digest()).decode("ascii")
    )


def jwt(claims: Any, key: Any, algorithm: str = "HS256") -> str:
    """Return a JSON Web Token (RFC 7519) for a mapping of claims."""
    import jwt as pyjwt  # noqa: PLC0415 - an extra

    return str(pyjwt.encode(dict(claims), key, algorithm=algorithm))


def wrong_arguments(tree: nodes.Template) -> str | None:
    """Return what is wrong with a constant argument of a signing filter, which would fail at each request; else None."""
    for call in tree.find_all(nodes.Filter):
        for name, value in _arguments(call):
            choices = _choices(call.name, name)
            if choices and isinstance(value, nodes.Const) and value.value not in choices:
                return f"the filter {call.name} has no {name} {value.value}; there is {', '.join(choices)}"
    return None


def _arguments(call: nodes.Filter) -> Iterator[tuple[str, nodes.Expr]]:
    """Yield the arguments of a signing filter by name; keyword arguments come last."""
    orders = {"hmac": ["key", "digest", "encoding"], "jwt": ["key", "algorithm"]}
    yield from zip(orders.get(call.name, []), call.args, strict=False)
    yield from ((str(keyword.key), keyword.value) for keyword in call.kwargs)


def _choices(filter_name: str, argument: str) -> Sequence[str]:
    if filter_name == "hmac":
        return {"digest": _DIGESTS, "encoding": _ENCODINGS}.get(argument, ())
    if filter_name == "jwt" and argument == "algorithm" and find_spec("jwt"):
        from jwt.algorithms import get_default_algorithms  # noqa: PLC0415 - an extra

        return sorted(get_default_algorithms())
    return ()


def missing(message: str) -> str:
    """Return a hint for a template's error that tells how to install a missing filter's package, else an empty text."""
    needs = "; the filter jwt needs PyJWT: pip install 'soak-harness[jwt]'"
    return needs if "No filter named 'jwt'" in message else ""


def signing_filters() -> dict[str, Callable[..., Any]]:
    """Return the filters by name; `jwt` is included only if its package is installed."""
    # PyJWT warns about short keys, but the target decides which keys it accepts.
    warnings.filterwarnings("ignore", message="The HMAC key is .* bytes long")
    filters: dict[str, Callable[..., Any]] = {
        "b64encode": b64encode,
        "sha256": sha256,
        "hmac": signed,
    }
    return filters | ({"jwt": jwt} if find_spec("jwt") else {})
