"""Post a run's verdict to a webhook: with retries, bounded in time, and without effect on the exit code.

The webhook's address is a secret: messages name only its host.
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from soak.model import Analysis, Verdict
from soak.printable import clean
from soak.profile.notify import Notify
from soak.units import show_duration

#: Timeout of a try and pauses between tries in seconds; a dead webhook costs half a minute at most.
TIMEOUT, PAUSES = 8.0, (1.0, 3.0)
#: Longest text of a reason or finding that is sent, in characters: a chat shows no more.
LONGEST = 600
#: Number of findings sent, worst first.
MOST = 5
_SIGNS = {Verdict.PASS: "✅", Verdict.FAIL: "❌", Verdict.INCONCLUSIVE: "⚠️"}


def wanted(notify: Notify, verdict: Verdict, before: Verdict | None) -> bool:
    """Return True if this verdict is to be sent; the first run of a profile counts as a change unless it passed."""
    if notify.when == "always":
        return True
    if notify.when == "fail":
        return verdict is not Verdict.PASS
    return verdict is not (before if before is not None else Verdict.PASS)


def verdict_before(directory: Path, analysis: Analysis) -> Verdict | None:
    """Return the verdict of this profile's previous run in the same parent directory; None if there is none."""
    newest: tuple[str, Verdict] | None = None
    for path in directory.absolute().parent.glob("*/analysis.json"):
        if path.parent.name == directory.name:
            continue
        try:
            told = json.loads(path.read_text(encoding="utf-8"))
            name, started, verdict = (
                told["run"]["name"],
                told["run"]["started"],
                Verdict(told["verdict"]),
            )
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            continue
        if (
            name == analysis.run.name
            and started < analysis.run.started
            and (newest is None or started > newest[0])
        ):
            newest = (started, verdict)
    return newest[1] if newest is not None else None


def payload(analysis: Analysis, directory: Path, before: Verdict | None) -> dict[str, Any]:
    """Return the summary: `text` is shown by Slack and compatible chats, the other keys are for programs."""
    run, verdict = analysis.run, analysis.verdict
    was = f" (was {before.value})" if before is not None and before is not verdict else ""
    facts, word = dict(run.facts), "BROKEN" if analysis.broke else verdict.upper()
    findings = [finding for finding in analysis.findings if finding.verdict is not Verdict.PASS][
        :MOST
    ]
    text = f"{_SIGNS[verdict]} *{word}*{was}: {_short(run.name)}: {_short(analysis.reason)}"
    if analysis.suspects:
        first = analysis.suspects[0]
        text += f"\nSuspect: {_short(first.leak_class)} in {_short(first.where)} through {_short(first.endpoint)}"
    return {
        "text": f"{text}\n{_short(str(directory))}",
        "verdict": verdict.value,
        "before": before.value if before is not None else None,
        "reason": _short(analysis.reason),
        "name": run.name,
        "started": run.started,
        "seconds": run.seconds,
        "ended": run.ended.value,
        "commit": facts.get("commit", ""),
        "run": str(directory),
        "vouches_for": show_duration(analysis.vouched.seconds)
        if analysis.vouched is not None
        else None,
        "findings": [
            {
                "series": finding.series,
                "verdict": finding.verdict.value,
                "reason": _short(finding.reason),
            }
            for finding in findings
        ],
    }


def _short(text: str) -> str:
    """Shorten a text to one line and escape Slack's markup, so that `<!channel>` in a name notifies nobody."""
    plain = clean(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return plain if len(plain) <= LONGEST else f"{plain[: LONGEST - 1]}…"


def post(
    webhook: str, content: dict[str, Any], sleep: Callable[[float], None] = time.sleep
) -> str | None:
    """Post the content, up to three times; return None on success, else a short reason. Never raises."""
    why = ""
    for pause in (*PAUSES, None):
        why, final = _try(webhook, json.dumps(content).encode())
        if not why:
            return None
        if final or pause is None:
            break
        sleep(pause)
    return f"{urlsplit(webhook).hostname}: {why}"


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Refuses redirects: they could send the summary to a host that is not in the profile."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Return no request, so that the redirect is not followed."""


def _try(webhook: str, body: bytes) -> tuple[str, bool]:
    """Try once; return why it failed (empty on success), and whether another try is useless."""
    try:
        request = urllib.request.Request(  # noqa: S310 - checked when the profile was read
            webhook, body, {"Content-Type": "application/json", "User-Agent": "soak"}
        )
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=TIMEOUT) as answer:
            answer.read(1000)
    except urllib.error.HTTPError as error:
        return f"answered {error.code}", error.code < 500 and error.code != 429
    except urllib.error.URLError as error:
        return type(error.reason).__name__ if isinstance(
            error.reason, Exception
        ) else "cannot be reached", False
    except Exception as error:  # noqa: BLE001 - whatever it is, the verdict stands; and its text may hold the address
        return type(error).__name__, False
    return "", True
