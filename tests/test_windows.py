"""A window's fields are written once: whatever holds, stores or reads them has the same ones in the same order."""

from __future__ import annotations

import sqlite3
from dataclasses import fields

import numpy as np

from soak.recording.files import SCHEMA
from soak.recording.request_windows import generator_columns
from soak.recording.validation import COLUMNS, column_names
from soak.windows import GENERATOR_FIELDS, GeneratorWindows


def test_the_columns_over_a_run_are_the_windows_fields() -> None:
    assert [each.name for each in fields(GeneratorWindows)] == [
        "times",
        "seconds",
        *GENERATOR_FIELDS,
    ]


def test_a_recording_stores_and_checks_the_windows_fields() -> None:
    database = sqlite3.connect(":memory:")
    database.executescript(SCHEMA)
    assert column_names(database, "generator") == {"window", *GENERATOR_FIELDS}
    assert COLUMNS["generator"].keys() == {"window", *GENERATOR_FIELDS}


def test_what_an_older_recording_does_not_have_is_nan() -> None:
    chunk = {"window": np.array([1]), GENERATOR_FIELDS[0]: np.array([0.5])}
    first, *others = generator_columns(chunk)
    assert first.tolist() == [0.5]
    assert np.isnan(others).all()
