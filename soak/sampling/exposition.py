"""Parse metrics pages in Prometheus text, OpenMetrics or protobuf: thousands of lines a second, with bounds.

A page has the same series at every scrape, so the parsed name and labels of each series are kept
for the next page. A metric whose number of label sets keeps growing is cut on its own: its first
series stay, and other metrics do not lose any.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from soak.errors import TargetError
from soak.model import Labels, Sample
from soak.sampling import exposition_protobuf as protobuf
from soak.sampling.exposition_text import HEAD, NAME, series_of, short, value_of
from soak.sampling.fetch import Answer
from soak.sampling.metric_types import Key, Series, family_of, is_part, kind_of
from soak.selectors import Selector

#: Most series of one page, and of one metric on it; further series are counted and left out.
MOST_SERIES, MOST_OF_ONE = 5000, 500
#: Most remembered series that label matchers rejected; remembering them saves parsing their labels
#: at every scrape.
MOST_REJECTED = 50_000
OPENMETRICS = "application/openmetrics-text"
_WRONG_TEXT = "not valid Prometheus text"
_TEXT, _OTHER = ("text/plain", OPENMETRICS, ""), ("text/html", "application/json")


@dataclass(frozen=True, slots=True)
class Page:
    """The content of a page: the samples to keep, and counts of its lines.

    They count the lines scraped, wanted, left out because of bounds, and repeated. `notices` are clauses that
    say what was unusual about the page.
    """

    samples: tuple[Sample, ...]
    scraped: int
    wanted: int
    left_out: int = 0
    repeated: int = 0
    notices: tuple[str, ...] = ()


@dataclass(slots=True)
class _Reading:
    """The state of reading one page."""

    openmetrics: bool = False
    kept: dict[Key, Series] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)
    new: list[tuple[int, Key, float]] = field(default_factory=list)
    types: dict[str, str] = field(default_factory=dict)
    scraped: int = 0
    unwanted: int = 0
    repeated: int = 0
    stamped: int = 0
    ended: bool = False
    part: str = "line"

    def take(self, key: Key, known: Series | None, value: float, number: int) -> None:
        """Add a sample; if `known` is None, its series is new. `number` is the sample's place on the page."""
        if known is None:
            self.new.append((number, key, value))
        elif key in self.kept:
            self.repeated += 1
        else:
            self.kept[key] = known
            self.samples.append(Sample(known[0], value, known[1], known[2]))

    def take_all(self, family: protobuf.SteadyFamily, values: Sequence[float]) -> bool:
        """Add the samples of a family of known series; return False if the page already had one of the series."""
        if not self.kept.keys().isdisjoint(family.series):
            return False
        self.types[family.name] = family.type
        self.scraped += len(values)
        self.kept.update(family.series)
        self.samples += [
            Sample(name, value, labels, kind)
            for (name, labels, kind), value in zip(family.series.values(), values, strict=True)
        ]
        return True


class Exposition:
    """Parses the successive pages of one server.

    `keep` and `drop` are selectors: globs on names, applied before a line is parsed, with optional
    label matchers. Raises ValueError for an invalid selector.
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
        self._rejected: set[Key] = set()
        self._most, self._most_of_one = most, most_of_one
        self._known: dict[Key, Series] = {}
        self._wanted: dict[str, bool] = {}
        self._steady: dict[bytes, protobuf.SteadyFamily] = {}

    def read(self, answer: Answer, url: str) -> Page:
        """Return the samples of a page; raise TargetError for HTML, a truncated line, an empty body and the like.

        A series that appears twice keeps its first value, as in Prometheus. Buckets of histograms are left
        out. Valid Prometheus text is accepted whatever content type the server declares; a notice then
        says so.
        """
        if answer.content_type == protobuf.PROTOBUF:
            return self._read(self._messages, answer, url, "not valid Prometheus protobuf")
        if answer.content_type in _TEXT:
            return self._read(self._lines, answer, url, _WRONG_TEXT)
        try:
            page = self._read(self._lines, answer, url, _WRONG_TEXT)
        except TargetError:
            if answer.content_type in _OTHER:
                raise TargetError(
                    f"{url}: answered {answer.content_type}, not Prometheus text"
                ) from None
            raise
        notice = f"its content type is {answer.content_type}; its text is Prometheus's all the same, and was read"
        return replace(page, notices=(*page.notices, notice))

    def _read(
        self, take: Callable[[Answer, _Reading], None], answer: Answer, url: str, wrong: str
    ) -> Page:
        reading = _Reading()
        try:
            take(answer, reading)
            left_out = self._learn(reading)
        except ValueError as error:
            raise TargetError(f"{url}: {wrong}: {error}") from None
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

    def _messages(self, answer: Answer, reading: _Reading) -> None:
        """Read the samples of a page in protobuf."""
        data, reading.part = answer.body, "sample"
        steady = {}
        for begin, stop in protobuf.messages(data):
            head = data[begin : begin + 2 + data[begin + 1]] if begin < stop else b""
            family = self._steady.get(head)
            values = None if family is None else family.values(data, begin, stop)
            if family is None or values is None or not reading.take_all(family, values):
                try:
                    family = self._message(data, begin, stop, reading)
                except IndexError:
                    raise ValueError("its last metric ends before its value") from None
            if family is not None:
                steady[head] = family
        self._steady = steady

    def _message(
        self, data: bytes, begin: int, stop: int, reading: _Reading
    ) -> protobuf.SteadyFamily | None:
        """Read the samples of a family, and return where its values lie if the next page can reuse that."""
        family = protobuf.family_at(data, begin, stop)
        reading.types[family.name] = family.type
        if family.of_parts:
            points, left = protobuf.parts(data, family)
        elif self._wants(family.name, reading):
            points, left = protobuf.points(data, family), 0
        else:
            points, left = [], len(family.metrics)
        reading.scraped += left
        reading.unwanted += left
        for key, value, stamped, _ in points:
            reading.scraped += 1
            known = self._known.get(key)
            if known is None and (
                key in self._rejected or not self._wants(protobuf.name_of(key), reading)
            ):
                reading.unwanted += 1
                continue
            reading.stamped += stamped
            reading.take(key, known, value, reading.scraped)
        return protobuf.steady(data, begin, stop, family, points, self._known)

    def _lines(self, answer: Answer, reading: _Reading) -> None:
        """Read the samples of a page in text."""
        try:
            text = answer.body.decode("utf-8")
        except UnicodeDecodeError:
            raise ValueError("it is not UTF-8") from None
        if text.lstrip()[:1] == "<":
            raise ValueError("it looks like HTML")
        if not answer.whole and text and not text.endswith("\n"):
            raise ValueError("it ends within a line, so it was cut short")
        unsaid = answer.content_type not in _TEXT and text.rstrip().endswith("# EOF")
        reading.openmetrics = answer.content_type == OPENMETRICS or unsaid
        for number, line in enumerate(text.split("\n"), 1):
            try:
                self._line(line, number, reading)
            except ValueError as error:
                raise ValueError(f"line {number}: {error}") from None
        if reading.openmetrics and not reading.ended:
            raise ValueError("it does not end with # EOF, so it was cut short")

    def _line(self, line: str, number: int, reading: _Reading) -> None:
        if not line or line[0] in "# \t\r":
            line = line.strip()
            if not line or line[0] == "#":
                _comment(line, reading)
                return
        if reading.ended:
            raise ValueError("something follows # EOF")
        if reading.openmetrics and "#" in line:
            match = HEAD.match(line)
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
        value = value_of(rest, line)
        if len(rest) > 1:
            reading.stamped += 1
        reading.take(head, known, value, number)

    def _is_wanted(self, head: str, reading: _Reading) -> bool:
        """Return True if the name is wanted, whatever else the line holds; raise ValueError for an invalid name."""
        name = head.partition("{")[0].rstrip()
        if not name:
            name = series_of(head)[0]
        if name not in self._wanted and head[0] != "{" and not NAME.fullmatch(name):
            raise ValueError(f"{short(head)} is no metric's name")
        return self._wants(name, reading)

    def _wants(self, name: str, reading: _Reading) -> bool:
        """Return True if `keep` and `drop` select the name and it is not a bucket or a creation time."""
        wanted = self._wanted.get(name)
        if wanted is None:
            kept = any(selector.matches_name(name) for selector in self._keep)
            dropped = (
                selector.matches_name(name) for selector in self._drop if not selector.matchers
            )
            wanted = kept and not any(dropped) and not is_part(name, reading.types)
            if len(self._wanted) > 10 * self._most:
                self._wanted.clear()
            self._wanted[name] = wanted
        return wanted

    def _learn(self, reading: _Reading) -> int:
        """Add the series that the last page did not have, within the bounds; return how many were left out."""
        if not reading.new:
            return 0
        seen = {(name, labels) for name, labels, _ in reading.kept.values()}
        of_one: dict[str, int] = {}
        for name, _, _ in reading.kept.values():
            of_one[name] = of_one.get(name, 0) + 1
        left_out = 0
        for number, key, value in reading.new:
            try:
                name, labels = series_of(key) if isinstance(key, str) else protobuf.series_of(key)
            except ValueError as error:
                raise ValueError(f"{reading.part} {number}: {error}") from None
            if self._by_labels and not self._takes(name, labels):
                reading.unwanted += 1
                if len(self._rejected) >= MOST_REJECTED:
                    self._rejected.clear()
                self._rejected.add(key)
            elif (name, labels) in seen:
                reading.repeated += 1
            elif len(seen) >= self._most or of_one.get(name, 0) >= self._most_of_one:
                left_out += 1
            else:
                seen.add((name, labels))
                of_one[name] = of_one.get(name, 0) + 1
                kind = kind_of(family_of(name, reading.types), name, labels)
                reading.kept[key] = (name, labels, kind)
                reading.samples.append(Sample(name, value, labels, kind))
        return left_out

    def _takes(self, name: str, labels: Labels) -> bool:
        """Return True if `keep` and `drop` select a series by its name and labels."""
        known = dict(labels)
        kept = any(selector.matches(name, known) for selector in self._keep)
        return kept and not any(selector.matches(name, known) for selector in self._drop)


def _comment(line: str, reading: _Reading) -> None:
    words = line.split()
    if words[1:2] == ["TYPE"]:
        if len(words) != 4:
            raise ValueError(f"expected # TYPE, a name and a type, not {short(line)}")
        reading.types[words[2].strip('"')] = words[3]
    elif reading.openmetrics and line == "# EOF":
        reading.ended = True
