"""HTTP Digest authentication (RFC 7616) for one user: after one challenge, requests are authenticated in advance."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable

from soak.load.plan.credentials import Credentials

_PARAMETER = re.compile(r'(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))')
_HASHES: dict[str, Callable[[bytes], str]] = {
    "MD5": lambda data: hashlib.md5(data).hexdigest(),  # noqa: S324 - what the protocol asks for
    "SHA-256": lambda data: hashlib.sha256(data).hexdigest(),
}


class Digest:
    """One user's state with one target: the last challenge, and how often its nonce was used."""

    __slots__ = ("_algorithm", "_challenge", "_count", "_credentials", "_hash", "_nonce")

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._challenge: dict[str, str] | None = None
        self._algorithm, self._nonce, self._count = "MD5", "", 0
        self._hash = _HASHES["MD5"]

    def challenged(self, header: str) -> bool:
        """Read a WWW-Authenticate header; return True if it contains a supported Digest challenge."""
        place = header.lower().find("digest ")
        if place < 0:
            return False
        parameters = {
            name.lower(): quoted or plain
            for name, quoted, plain in _PARAMETER.findall(header[place + 7 :])
        }
        algorithm = parameters.get("algorithm", "MD5").upper()
        qop = [word.strip() for word in parameters.get("qop", "").split(",")]
        if (
            algorithm.removesuffix("-SESS") not in _HASHES
            or "nonce" not in parameters
            or not {"", "auth"} & set(qop)
        ):
            return False
        parameters["qop"] = "auth" if "auth" in qop else ""
        self._challenge, self._algorithm, self._count = parameters, algorithm, 0
        self._hash = _HASHES[algorithm.removesuffix("-SESS")]
        self._nonce = secrets.token_hex(8)
        return True

    def header(self, method: str, target: str) -> str | None:
        """Return the Authorization header's value for a request; None before any challenge."""
        challenge = self._challenge
        if challenge is None:
            return None
        self._count += 1
        realm, nonce, qop = challenge.get("realm", ""), challenge["nonce"], challenge["qop"]
        who, count = self._credentials, f"{self._count:08x}"
        secret = self._hashed(f"{who.user}:{realm}:{who.password}")
        if self._algorithm.endswith("-SESS"):
            secret = self._hashed(f"{secret}:{nonce}:{self._nonce}")
        asked = self._hashed(f"{method}:{target}")
        between = f"{nonce}:{count}:{self._nonce}:{qop}" if qop else nonce
        parts = [
            f'username="{who.user}"',
            f'realm="{realm}"',
            f'nonce="{nonce}"',
            f'uri="{target}"',
        ]
        parts += [
            f'response="{self._hashed(f"{secret}:{between}:{asked}")}"',
            f"algorithm={self._algorithm}",
        ]
        if qop:
            parts += [f"qop={qop}", f"nc={count}", f'cnonce="{self._nonce}"']
        if "opaque" in challenge:
            parts.append(f'opaque="{challenge["opaque"]}"')
        return "Digest " + ", ".join(parts)

    def _hashed(self, text: str) -> str:
        return self._hash(text.encode())
