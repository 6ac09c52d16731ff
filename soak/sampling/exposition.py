"""Reads a metrics page, in Prometheus text or OpenMetrics: fast enough for thousands of lines a second, and bounded.

A page names the same series at every scrape, so what was learnt of a series' name and labels is
kept from one page to the next. A metric whose labels never stop growing is cut by itself: the
series that were there first stay, and no other metric loses any.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from soak.errors import TargetError
from soak.model import Kind, Labels, Sample
from soak.sampling.fetch import Answer
from soak.sampling.metric_types import family_of, is_part, kind_of
from soak.selectors import Selector

#: Series that one page may give, and one metric of it: beyond these they are counted and left out.
MOST_SERIES, MOST_OF_ONE = 5000, 500
#: Lines beginnings that label matchers rejected, remembered so that their labels are not parsed at every scrape.
MOST_REJECTED = 50_000
OPENMETRICS = "application/openmetrics-text"
_TEXT, _OTHER = ("text/plain", OPENMETRICS, ""), ("text/html", "application/json")
_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL = re.compile(
    r'\s*(?:([a-zA-Z_][a-zA-Z0-9_]*)|"((?:[^"\\]|\\.)*)")\s*(?:=\s*"((?:[^"\\]|\\.)*)")?\s*(,|$)'
)
_PLAIN = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="([^"\\]*)"(?:,|$)')
_HEAD = re.compile(r'[^{#]*(?:\{(?:[^"}]|"(?:[^"\\]|\\.)*")*\})?')
_ESCAPED = re.compile(r"\\(.)")
_UNESCAPED = {"n": "\n", '"': '"', "\\": "\\"}


@dataclass(frozen=True, slots=True)
class Page:
    """What a page gave: samples to keep, and how many lines it had, wanted, left out for the bound, or repeated.

    `notices` say what was unusual about the page, each in a sentence's part.
    """

    samples: tuple[Sample, ...]
    scraped: int
    wanted: int
    left_out: int = 0
    repeated: int = 0
    notices: tuple[str, ...] = ()


@dataclass(slots=True)
class _Reading:
    """One page while it is read."""

    openmetrics: bool
    kept: dict[str, tuple[str, Labels, Kind]] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)
    new: list[tuple[int, str, float]] = field(default_factory=list)
    types: dict[str, str] = field(default_factory=dict)
    scraped: int = 0
    unwanted: int = 0
    repeated: int = 0
    stamped: int = 0
    ended: bool = False


class Exposition:
    """The pages of one server, one after the other.

    `keep` and `drop` are selectors: globs on names, applied before a line is parsed, with label
    matchers where given. ValueError where one is none.
    """

    def __init__(
        self,
        keep: tuple[str, ...] = ("*",),
        drop: tuple[str, ...] = (),
        most: int = MOST_SERIES,
        most_of_one: int = MOST_OF_ONE,
    ) -> None:
        self._keep, self._drop = (
            [Selector.parse(text) for text in texts] for texts in (keep, drop)
        )
        self._by_labels = any(selector.matchers for selector in (*self._keep, *self._drop))
        self._rejected: set[str] = set()
        self._most, self._most_of_one = most, most_of_one
        self._known: dict[str, tuple[str, Labels, Kind]] = {}
        self._wanted: dict[str, bool] = {}

    def read(self, answer: Answer, url: str) -> Page:
        """The samples of a page; TargetError when it is none (an HTML page, a truncated line, an empty body).

        A series that appears twice keeps its first value, as in Prometheus. Buckets of histograms
        are left out. Text that is right is read whatever content type the server gives it, and
        noticed.
        """
        if answer.content_type in _TEXT:
            return self._read(answer, url)
        try:
            page = self._read(answer, url)
        except TargetError:
            if answer.content_type in _OTHER:
                raise TargetError(
                    f"{url}: answered {answer.content_type}, not Prometheus text"
                ) from None
            raise
        said = f"its content type is {answer.content_type}; its text is Prometheus's all the same, and was read"
        return replace(page, notices=(*page.notices, said))

    def _read(self, answer: Answer, url: str) -> Page:
        wrong = f"{url}: not valid Prometheus text"
        try:
            text = answer.body.decode("utf-8")
        except UnicodeDecodeError:
            raise TargetError(f"{wrong}: it is not UTF-8") from None
        if text.lstrip()[:1] == "<":
            raise TargetError(f"{wrong}: it looks like HTML")
        if not answer.whole and text and not text.endswith("\n"):
            raise TargetError(f"{wrong}: it ends within a line, so it was cut short")
        unsaid = answer.content_type not in _TEXT and text.rstrip().endswith("# EOF")
        reading = _Reading(answer.content_type == OPENMETRICS or unsaid)
        for number, line in enumerate(text.split("\n"), 1):
            try:
                self._line(line, number, reading)
            except ValueError as error:
                raise TargetError(f"{wrong}: line {number}: {error}") from None
        if reading.openmetrics and not reading.ended:
            raise TargetError(f"{wrong}: it does not end with # EOF, so it was cut short")
        left_out = self._learn(reading, wrong)
        if not reading.scraped:
            raise TargetError(f"{url}: holds no metric")
        self._known = reading.kept
        wanted = reading.scraped - reading.unwanted
        carry = "carries a timestamp" if reading.stamped == 1 else "carry timestamps"
        stamped = f"{reading.stamped} of its series {carry}, which is ignored: a value counts from its scrape on"
        notices = (stamped,) if reading.stamped else ()
        return Page(
            tuple(reading.samples), reading.scraped, wanted, left_out, reading.repeated, notices
        )

    def _line(self, line: str, number: int, reading: _Reading) -> None:
        if not line or line[0] in "# \t\r":
            line = line.strip()
            if not line or line[0] == "#":
                _comment(line, reading)
                return
        if reading.ended:
            raise ValueError("something follows # EOF")
        if reading.openmetrics and "#" in line:
            match = _HEAD.match(line)
            line = line if match is None else match[0] + line[match.end() :].partition("#")[0]
        cut = line.rfind("}") + 1
        if cut:
            head, rest = line[:cut], line[cut:].split()
        else:
            head, *rest = line.split()
        reading.scraped += 1
        known = self._known.get(head)
        if known is None and (head in self._rejected or not self._is_wanted(head, reading)):
            reading.unwanted += 1
            return
        value = _value(rest, line)
        if len(rest) > 1:
            reading.stamped += 1
        if known is None:
            reading.new.append((number, head, value))
        elif head in reading.kept:
            reading.repeated += 1
        else:
            reading.kept[head] = known
            reading.samples.append(Sample(known[0], value, known[1], known[2]))

    def _is_wanted(self, head: str, reading: _Reading) -> bool:
        """By the name alone, whatever else the line holds; ValueError for what is no name."""
        name = head.partition("{")[0].rstrip()
        if not name:
            name = _series(head)[0]
        wanted = self._wanted.get(name)
        if wanted is None:
            if head[0] != "{" and not _NAME.fullmatch(name):
                raise ValueError(f"{_short(head)} is no metric's name")
            kept = any(selector.matches_name(name) for selector in self._keep)
            dropped = (
                selector.matches_name(name) for selector in self._drop if not selector.matchers
            )
            wanted = kept and not any(dropped) and not is_part(name, reading.types)
            if len(self._wanted) > 10 * self._most:
                self._wanted.clear()
            self._wanted[name] = wanted
        return wanted

    def _learn(self, reading: _Reading, wrong: str) -> int:
        """Take in the series that the last page did not have, as far as there is room; how many were left out."""
        if not reading.new:
            return 0
        seen = {(name, labels) for name, labels, _ in reading.kept.values()}
        of_one: dict[str, int] = {}
        for name, _, _ in reading.kept.values():
            of_one[name] = of_one.get(name, 0) + 1
        left_out = 0
        for number, head, value in reading.new:
            try:
                name, labels = _series(head)
            except ValueError as error:
                raise TargetError(f"{wrong}: line {number}: {error}") from None
            if self._by_labels and not self._takes(name, labels):
                reading.unwanted += 1
                if len(self._rejected) >= MOST_REJECTED:
                    self._rejected.clear()
                self._rejected.add(head)
            elif (name, labels) in seen:
                reading.repeated += 1
            elif len(seen) >= self._most or of_one.get(name, 0) >= self._most_of_one:
                left_out += 1
            else:
                seen.add((name, labels))
                of_one[name] = of_one.get(name, 0) + 1
                kind = kind_of(family_of(name, reading.types), name, labels)
                reading.kept[head] = (name, labels, kind)
                reading.samples.append(Sample(name, value, labels, kind))
        return left_out

    def _takes(self, name: str, labels: Labels) -> bool:
        """Whether a series is kept, by its name and labels."""
        known = dict(labels)
        kept = any(selector.matches(name, known) for selector in self._keep)
        return kept and not any(selector.matches(name, known) for selector in self._drop)


def _value(rest: list[str], line: str) -> float:
    """The value, which a timestamp may follow."""
    if not 1 <= len(rest) <= 2 or "_" in rest[0]:
        raise ValueError(f"expected a name, labels and a value, not {_short(line)}")
    try:
        return float(rest[0])
    except ValueError:
        raise ValueError(f"{_short(rest[0])} is not a number") from None


def _comment(line: str, reading: _Reading) -> None:
    words = line.split()
    if words[1:2] == ["TYPE"]:
        if len(words) != 4:
            raise ValueError(f"expected # TYPE, a name and a type, not {_short(line)}")
        reading.types[words[2].strip('"')] = words[3]
    elif reading.openmetrics and line == "# EOF":
        reading.ended = True


def _series(head: str) -> tuple[str, Labels]:
    """Name and sorted labels of `name{label="value"}` or of `{"name",label="value"}`; ValueError for anything else."""
    name, brace, inner = head.partition("{")
    name = name.rstrip()
    if not brace:
        return name, ()
    if not inner.endswith("}"):
        raise ValueError(f"the labels of {_short(head)} do not end")
    inner = inner[:-1].rstrip()
    plain = _PLAIN.findall(inner) if name else []
    # The usual case at a third of the cost: nothing escaped, nothing between the labels but a
    # comma.
    length = sum(len(key) + len(value) + 4 for key, value in plain) - (not inner.endswith(","))
    if plain and length == len(inner) and len({key for key, _ in plain}) == len(plain):
        return name, tuple(sorted(plain))
    return _any_series(head, name, inner)


def _any_series(head: str, name: str, inner: str) -> tuple[str, Labels]:
    """The same, label by label, for what is escaped, spaced out or wrong."""
    labels: dict[str, str] = {}
    position = 0
    while position < len(inner):
        match = _LABEL.match(inner, position)
        if match is None:
            raise ValueError(f"the labels of {_short(head)} are not right")
        position = match.end()
        key = match[1] if match[1] is not None else _plain(match[2])
        if match[3] is None:
            if name or match[1] is not None:
                raise ValueError(f"the labels of {_short(head)} are not right")
            name = key
        elif key in labels:
            raise ValueError(f"{_short(head)} has the label {key} twice")
        else:
            labels[key] = _plain(match[3])
    if not name:
        raise ValueError(f"{_short(head)} has no name")
    return name, tuple(sorted(labels.items()))


def _plain(text: str) -> str:
    return (
        _ESCAPED.sub(lambda escape: _UNESCAPED.get(escape[1], escape[0]), text)
        if "\\" in text
        else text
    )


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:57]}...")
