"""Read and write a baseline: the measurements of one or more runs in one small file, to be committed and compared with.

The file is JSON, format_version 1. It holds a digest of its content, so that a value edited by
hand is detected: a baseline has to be measured.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from soak.compared import MeasuredRun, Measurement
from soak.errors import InputError, UsageError
from soak.model import Place, Suspect
from soak.profile.compare import MetricName

FORMAT_VERSION = 1
KIND = "soak baseline"
#: Maximum size of a baseline in bytes: it is committed together with the code.
LARGEST = 100_000


@dataclass(frozen=True, slots=True)
class Baseline:
    """A named baseline; `made` is when it was set, in UTC."""

    name: str
    made: str
    runs: tuple[MeasuredRun, ...]


def capacity_in(baseline: Baseline) -> float | None:
    """Return a baseline's capacity in requests per second: the lowest of its searches, None if it has none."""
    capacities = [
        measurement.value
        for run in baseline.runs
        for measurement in run.measurements
        if measurement.metric == "capacity"
    ]
    return min(capacities, default=None)


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError("must be a finite number")
    return value


Finite = Annotated[float, AfterValidator(_finite)]


class _BaselineFile(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _Measurement(_BaselineFile):
    metric: MetricName
    subject: str
    value: Finite
    error: Annotated[Finite, Field(ge=0)]
    drift: Annotated[Finite, Field(ge=0)]
    unit: str
    matters: Annotated[Finite, Field(ge=0)] = 0.0


class _Suspect(_BaselineFile):
    leak_class: str = Field(alias="class")
    confidence: Annotated[Finite, Field(ge=0, le=1)]
    function: str
    file: str
    line: Annotated[int, Field(ge=0)]
    endpoint: str


class _Run(_BaselineFile):
    profile: str
    source: str
    started: str
    seconds: Annotated[Finite, Field(gt=0)]
    target: str
    load: str
    measurements: list[_Measurement] = Field(min_length=1)
    suspects: list[_Suspect] | None = None


class _File(_BaselineFile):
    format_version: Literal[1]
    kind: Literal["soak baseline"]
    name: str
    made: str
    runs: list[_Run] = Field(min_length=1)
    digest: str


def encode(baseline: Baseline) -> str:
    """Return the file's text; raise UsageError if it would be too large to commit."""
    content = {
        "format_version": FORMAT_VERSION,
        "kind": KIND,
        "name": baseline.name,
        "made": baseline.made,
        "runs": [_run(run) for run in baseline.runs],
    }
    text = (
        json.dumps(
            content | {"digest": digest(content)}, indent=1, ensure_ascii=False, allow_nan=False
        )
        + "\n"
    )
    size = len(text.encode())
    if size > LARGEST:
        raise UsageError(
            f"the baseline would have {size:,} bytes, and {LARGEST:,} is the most: give fewer runs"
        )
    return text


def decode(text: str, source: str) -> Baseline:
    """Parse a file's text; the InputError names the file, what is wrong, and what to do."""
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{source}: damaged: not valid JSON ({error}); {_ADVICE}") from None
    return from_tree(tree, source)


_ADVICE = "set it anew with `soak baseline set RUN`"


def is_baseline(tree: object) -> bool:
    """Return True if a JSON value claims to be a baseline."""
    return isinstance(tree, dict) and tree.get("kind") == KIND


def from_tree(tree: Any, source: str) -> Baseline:
    """Read a baseline from a JSON value; raise InputError as `decode` does."""
    if not is_baseline(tree):
        raise InputError(f"{source}: not a baseline; {_ADVICE}")
    if tree.get("format_version") != FORMAT_VERSION:
        version = tree.get("format_version")
        raise InputError(
            f"{source}: format_version {version}, and this soak reads {FORMAT_VERSION}; {_ADVICE}"
        )
    try:
        file = _File.model_validate(tree)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise InputError(f"{source}: damaged: {place}: {first['msg'].lower()}; {_ADVICE}") from None
    content = {key: value for key, value in tree.items() if key != "digest"}
    if file.digest != digest(content):
        raise InputError(
            f"{source}: was changed by hand: its content does not match its digest; {_ADVICE}"
        )
    return Baseline(
        file.name, file.made, tuple(_measured(run, source, file.name) for run in file.runs)
    )


def digest(content: Any) -> str:
    """Return the SHA-256 of a JSON value, independent of the order of its keys and of white space."""
    return hashlib.sha256(
        json.dumps(content, sort_keys=True, ensure_ascii=False).encode()
    ).hexdigest()


def _run(run: MeasuredRun) -> dict[str, Any]:
    return {
        "profile": run.name,
        "source": run.source,
        "started": run.started,
        "seconds": run.seconds,
        "target": run.target,
        "load": run.load,
        "measurements": [
            {
                "metric": measurement.metric,
                "subject": measurement.subject,
                "value": _rounded(measurement.value),
                "error": _rounded(measurement.error),
                "drift": _rounded(measurement.drift),
                "unit": measurement.unit,
                **({"matters": _rounded(measurement.matters)} if measurement.matters else {}),
            }
            for measurement in run.measurements
        ],
        **(
            {}
            if run.suspects is None
            else {"suspects": [_suspect(suspect) for suspect in run.suspects]}
        ),
    }


def _suspect(suspect: Suspect) -> dict[str, Any]:
    """Return the fields that identify a suspect, so that a later run can tell whether it has the same one."""
    place = suspect.place
    return {
        "class": suspect.leak_class,
        "confidence": _rounded(suspect.confidence),
        "function": place.function,
        "file": place.file,
        "line": place.line,
        "endpoint": suspect.endpoint,
    }


def _rounded(value: float) -> float:
    """Round to six significant figures: further digits are noise and would double the file's size."""
    return float(f"{value:.6g}")


def _measured(run: _Run, source: str, name: str) -> MeasuredRun:
    seen: set[tuple[str, str]] = set()
    for measurement in run.measurements:
        key = (measurement.metric, measurement.subject)
        if key in seen:
            raise InputError(
                f"{source}: damaged: {measurement.metric} of {measurement.subject} stands there twice; {_ADVICE}"
            )
        seen.add(key)
    measurements = tuple(
        Measurement(
            measurement.metric,
            measurement.subject,
            measurement.value,
            measurement.error,
            measurement.drift,
            measurement.unit,
            measurement.matters,
        )
        for measurement in run.measurements
    )
    suspects = None if run.suspects is None else tuple(map(_suspected, run.suspects))
    return MeasuredRun(
        run.profile,
        f"baseline {name}",
        run.started,
        run.seconds,
        run.target,
        run.load,
        measurements,
        suspects=suspects,
    )


def _suspected(suspect: _Suspect) -> Suspect:
    place = Place(suspect.function, suspect.file, suspect.line)
    return Suspect(
        suspect.leak_class,
        suspect.confidence,
        place,
        suspect.endpoint,
        0.0,
        0.0,
        0.0,
        "",
        (),
        "",
        "",
    )
