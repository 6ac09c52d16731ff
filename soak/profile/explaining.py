"""Explain what is wrong with a value to the author of a profile, for each kind of error that pydantic reports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: Messages by pydantic's error type, formatted with the error's context.
_MESSAGES = {
    "dict_type": "expected keys with values",
    "model_type": "expected keys with values",
    "model_attributes_type": "expected keys with values",
    "list_type": "expected a list",
    "bool_type": "expected true or false",
    "bool_parsing": "expected true or false",
    "string_type": "expected a text",
    "int_type": "expected a whole number",
    "int_parsing": "expected a whole number",
    "int_from_float": "expected a whole number",
    "float_type": "expected a number",
    "float_parsing": "expected a number",
    "finite_number": "expected a finite number",
    "greater_than": "must be above {gt:g}",
    "greater_than_equal": "must be at least {ge:g}",
    "less_than": "must be below {lt:g}",
    "less_than_equal": "must be at most {le:,g}",
    "too_short": "needs at least {min_length}",
    "too_long": "can have at most {max_length}",
    "string_too_short": "must not be empty",
    "string_too_long": "can have at most {max_length} characters",
    "literal_error": "expected {expected}",
}
#: What a text must look like, by the key of the value.
_FORMS = {
    "header": "expected a header and what stands before the token, such as `Authorization: Bearer`, or `X-Token:` for none",
    "user": "expected a name without a colon",
    "password": "expected a text of one line",
    "type": "expected a media type such as image/png",
}


def message_of(error: Mapping[str, Any]) -> str:
    """Return one pydantic error as a message that begins with a lower-case letter and has no full stop."""
    kind, known = error["type"], error.get("ctx", {})
    if kind == "string_pattern_mismatch":
        return _FORMS.get(str(error["loc"][-1]), "has a character that cannot be there")
    if kind in _MESSAGES:
        return _MESSAGES[kind].format(**known)
    message = str(error["msg"]).removeprefix("Value error, ")
    return message[:1].lower() + message[1:]
