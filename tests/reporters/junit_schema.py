"""What the schema of Jenkins' xUnit plugin allows in a JUnit report, as a table: junit-10.xsd, as published in 2026.

The schema itself was asked by hand with `xmlschema`; the table keeps what it said without fetching it.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

#: Of each element: its required attributes, its further ones, and what it may hold.
ELEMENTS = {
    "testsuites": ("", "name time tests failures errors", "testsuite"),
    "testsuite": (
        "name tests failures errors",
        "group time skipped timestamp hostname id package file log url version",
        "testsuite properties testcase system-out system-err",
    ),
    "properties": ("", "", "property"),
    "property": ("name value", "", ""),
    "testcase": ("name", "time classname group", "skipped error failure system-out system-err"),
    **dict.fromkeys(("failure", "error", "skipped"), ("", "type message", "")),
    **dict.fromkeys(("system-out", "system-err"), ("", "", "")),
}
TIME = re.compile(r"(([0-9]{0,3},)*[0-9]{3}|[0-9]{0,3})*(\.[0-9]{0,3})?")


def breaches(element: ET.Element) -> list[str]:
    """What an element and all within it have that the schema does not allow, or lack."""
    required, further, holds = (words.split() for words in ELEMENTS[element.tag])
    errors = [f"{element.tag} lacks {name}" for name in required if name not in element.attrib]
    known = {*required, *further}
    errors += [f"{element.tag} has {name}" for name in element.attrib if name not in known]
    if element.tag != "testcase" and not TIME.fullmatch(element.get("time", "")):
        errors.append(f"{element.tag} takes {element.get('time')}")
    for child in element:
        allowed = child.tag in holds
        errors += breaches(child) if allowed else [f"{element.tag} holds {child.tag}"]
    return errors
