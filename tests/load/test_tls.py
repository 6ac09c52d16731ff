import ssl
from pathlib import Path

import pytest

from soak.load.plan import PlannedTls
from soak.load.tls import tls_context


@pytest.mark.parametrize("tls", [None, PlannedTls()])
def test_certificates_are_checked_unless_the_profile_says_otherwise(tls: PlannedTls | None) -> None:
    context = tls_context(tls)
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


def test_any_certificate_will_do_where_the_profile_says_so() -> None:
    context = tls_context(PlannedTls(insecure=True))
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_NONE, False)


def test_a_file_that_is_no_certificate(tmp_path: Path) -> None:
    (tmp_path / "a.pem").write_text("no")
    for tls in (PlannedTls(ca=str(tmp_path / "a.pem")), PlannedTls(cert=str(tmp_path / "a.pem"))):
        with pytest.raises(OSError, match=r"PEM|certificate|no start line|NO_CERT"):
            tls_context(tls)
