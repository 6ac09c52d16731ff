import pytest

from soak.load.scenario.jsonpath import JsonPath, PathError

DOCUMENT = {"a": {"b": [{"c": 1}, {"c": None}], "d e": "x"}, "items": [1, 2, 3], "": 5}


@pytest.mark.parametrize(
    ("path", "matches"),
    [
        ("$", [DOCUMENT]),
        ("$.a.b[0].c", [1]),
        ("$.a.b[1].c", [None]),
        ("$['a'][\"d e\"]", ["x"]),
        ("$['']", [5]),
        ("$.items[3]", []),
        ("$.items.a", []),
        ("$.a[0]", []),
        ("$.nothing.more", []),
        ("$.items[-1]", [3]),
        ("$.items[*]", [1, 2, 3]),
        ("$.items[0:2]", [1, 2]),
        ("$.a.b[?@.c == 1].c", [1]),
        ("$..c", [1, None]),
    ],
)
def test_what_a_path_finds(path: str, matches: list[object]) -> None:
    assert JsonPath(path).find(DOCUMENT) == matches


@pytest.mark.parametrize("path", ["$.a", "$.a.b[0].c", "$['d e']", "$.items[7]", "$['']"])
def test_the_short_way_finds_what_the_library_finds(path: str) -> None:
    import jsonpath  # noqa: PLC0415

    assert JsonPath(path)._keys is not None
    assert JsonPath(path).find(DOCUMENT) == jsonpath.findall(path, DOCUMENT)


@pytest.mark.parametrize(
    "path", ["", "a.b", "$.", "$[", "$.a[", "$.a[?", "$..", "$ .a b", "$[?@.a ==]"]
)
def test_what_is_no_path_says_so(path: str) -> None:
    with pytest.raises(PathError, match="JSONPath"):
        JsonPath(path)
