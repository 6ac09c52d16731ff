"""How an https address is verified, as given in a profile."""

from __future__ import annotations

from pydantic import Field, model_validator

from soak.profile.fields import Strict


class TlsSettings(Strict):
    """How an https target is verified, and the client certificate for it; files are PEM, relative to the profile."""

    ca: str | None = Field(
        default=None,
        description="File with the certificate authorities to trust instead of the system's",
    )
    certificate: str | None = Field(
        default=None, description="File with the client certificate for the target"
    )
    key: str | None = Field(
        default=None,
        description="File with the certificate's key, unless the certificate's file contains it",
    )
    insecure: bool = Field(default=False, description="Do not verify the target's certificate")

    @model_validator(mode="after")
    def _key_with_cert(self) -> TlsSettings:
        if self.key is not None and self.certificate is None:
            raise ValueError("a key goes with a certificate")
        if self.insecure and self.ca is not None:
            raise ValueError("insecure verifies nothing: leave ca out")
        return self
