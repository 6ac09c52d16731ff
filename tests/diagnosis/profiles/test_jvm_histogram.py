"""A JVM's classes: rows, what they gained, and who allocated it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from soak.diagnosis.profiles import jvm_histogram
from soak.diagnosis.profiles.frames import Frame
from soak.diagnosis.profiles.jvm_histogram import read_classes
from soak.diagnosis.profiles.pprof import ProfileFormatError, StackProfile


def rows(**classes: tuple[int, int]) -> str:
    """A histogram with instances and bytes of each class."""
    return "".join(
        f"{place:4}: {instances:10} {size:12}  {name}\n"
        for place, (name, (instances, size)) in enumerate(classes.items(), 1)
    )


def read(**document: Any) -> StackProfile:
    return read_classes(json.dumps(document).encode())


def held(profile: StackProfile) -> dict[str, list[float]]:
    """Each stack's functions, innermost first, with its values."""
    return {
        "<".join(frame.function for frame in profile.stack(row)): values
        for row, values in enumerate(profile.values.tolist())
    }


CALLS = [["shop.Cart.add", 7], ["shop.Shop.run", 9]]
OTHER = [["shop.Search.find", 3]]


def test_a_gain_is_shared_by_the_number_of_sampled_objects() -> None:
    sampled = [{"class": "A", "frames": CALLS}] * 3 + [{"class": "A", "frames": OTHER}]
    profile = read(
        histogram=rows(A=(50, 5000), B=(5, 144)),
        baseline=rows(A=(10, 1000), B=(1, 24)),
        objects=[*sampled, {"class": "A", "frames": []}, {"class": "C", "frames": OTHER}],
    )
    assert held(profile) == {
        "A": [10.0, 1000.0],
        "A<shop.Cart.add<shop.Shop.run": [30.0, 3000.0],
        "A<shop.Search.find": [10.0, 1000.0],
        "B": [5.0, 144.0],  # nobody was seen to allocate it
    }
    assert profile.columns == (("inuse_objects", "count"), ("inuse_space", "bytes"))


@pytest.mark.parametrize(
    ("now", "before", "kept", "gained"),
    [
        ((10, 100), (4, 30), [4.0, 30.0], [6.0, 70.0]),
        ((10, 100), (12, 130), [10.0, 100.0], [0.0, 0.0]),
        ((10, 100), (12, 30), [10.0, 30.0], [0.0, 70.0]),
        ((10, 100), None, [0.0, 0.0], [10.0, 100.0]),
    ],
)
def test_a_class_has_gained_what_it_has_more_than_at_the_beginning(
    now: tuple[int, int], before: tuple[int, int] | None, kept: list[float], gained: list[float]
) -> None:
    profile = read(
        histogram=rows(A=now),
        baseline=rows(B=(1, 1), **({} if before is None else {"A": before})),
        objects=[{"class": "A", "frames": OTHER}],
    )
    assert held(profile) == {"A": kept, "A<shop.Search.find": gained}


def test_without_a_baseline_nothing_was_gained() -> None:
    profile = read(histogram=rows(A=(10, 100)), objects=[{"class": "A", "frames": OTHER}])
    assert held(profile) == {"A": [10.0, 100.0], "A<shop.Search.find": [0.0, 0.0]}


def test_rows_of_one_class_are_added_up() -> None:
    """Two loaders may each have loaded a class of this name."""
    text = rows(A=(10, 100), B=(1, 5)) + rows(A=(3, 30))
    assert jvm_histogram._histogram(text) == {"A": (13.0, 130.0), "B": (1.0, 5.0)}


def test_a_histogram_has_at_most_so_many_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jvm_histogram, "_MOST_CLASSES", 2)
    text = rows(A=(1, 10), B=(2, 20), C=(3, 30))
    assert jvm_histogram._histogram(text) == {"A": (1.0, 10.0), "B": (2.0, 20.0)}
    assert len(jvm_histogram._histogram(rows(A=(1, 10)) + rows(A=(1, 10), B=(2, 20)))) == 2
    with pytest.raises(ValueError, match="no class in it"):
        jvm_histogram._histogram("nothing")


def test_the_classes_of_any_program_are_read() -> None:
    assert jvm_histogram._MOST_CLASSES == 20_000
    assert len(jvm_histogram._histogram(rows(A=(1, 1), B=(1, 1)))) == 2


def test_a_text_alone_is_a_histogram() -> None:
    data = b"  \n num  #instances  #bytes  class name\n" + rows(A=(1, 16)).encode()
    assert held(read_classes(data)) == {"A": [1.0, 16.0]}
    assert held(read_classes(b" " + json.dumps({"histogram": rows(A=(1, 16))}).encode())) == {
        "A": [1.0, 16.0]
    }


def test_what_was_ever_allocated_is_a_column_of_its_own() -> None:
    profile = read(
        histogram=rows(A=(10, 100)),
        allocated=[[7.0, CALLS], [8.0, OTHER, "shop.Order"], [9.0, OTHER, "java.lang.String"]],
    )
    assert profile.columns[2] == ("alloc_space", "bytes")
    assert [(profile.stack(row), values) for row, values in enumerate(profile.values.tolist())] == [
        ((Frame("A"),), [10.0, 100.0, 0.0]),
        ((Frame("shop.Cart.add", "", 7), Frame("shop.Shop.run", "", 9)), [0.0, 0.0, 7.0]),
        ((Frame("shop.Order"), Frame("shop.Search.find", "", 3)), [0.0, 0.0, 8.0]),
        ((Frame("shop.Search.find", "", 3),), [0.0, 0.0, 9.0]),
    ]


def test_a_class_of_a_library_does_not_begin_an_allocation() -> None:
    allocated = [[8.0, OTHER, "org.lib.Index"], [9.0, OTHER, "org.library.Index"]]
    profile = read(histogram=rows(A=(1, 1)), allocated=allocated, libraries=["org.lib"])
    assert list(held(profile)) == ["A", "shop.Search.find", "org.library.Index<shop.Search.find"]


def test_who_allocates_all_the_time_is_told_where_several_objects_are_of_every_age() -> None:
    """Buffers that the first requests set up are old, what a ring holds is young, and neither grows."""
    ring = [["shop.Recent.add", 5]]

    def told(old: int, young: int) -> dict[str, list[float]]:
        objects = [{"class": "A", "frames": CALLS, "age": age} for age in (90.0, 95.0, 100.0)]
        objects += [{"class": "A", "frames": ring, "age": age} for age in (1.0, 2.0, 3.0, 4.0)]
        objects += [{"class": "A", "frames": OTHER, "age": 50.0}] * old
        objects += [{"class": "A", "frames": OTHER, "age": 49.0}] * young
        return held(
            read(histogram=rows(A=(50, 5000)), baseline=rows(A=(10, 1000)), objects=objects)
        )

    one = {"A": [10.0, 1000.0], "A<shop.Search.find": [40.0, 4000.0]}
    assert told(3, 3) == told(3, 9) == one
    everyone = {"A", "A<shop.Cart.add<shop.Shop.run", "A<shop.Recent.add", "A<shop.Search.find"}
    assert set(told(2, 9)) == set(told(9, 2)) == everyone
    without = [{"class": "A", "frames": frames} for frames in (CALLS, OTHER, OTHER, OTHER)]
    assert len(held(read(histogram=rows(A=(9, 9)), objects=without))) == 3


def generated(*names: str, allocated: Any = ()) -> dict[str, list[float]]:
    objects = [{"class": name, "frames": [[f"{name}.<init>", -1], *OTHER]} for name in names]
    made = dict.fromkeys(names, (1, 16))
    return held(
        read(
            histogram=rows(**made),
            baseline=rows(Z=(1, 1)),
            objects=objects,
            allocated=list(allocated),
        )
    )


def test_classes_that_a_program_generates_are_one_that_is_nobody_s_own() -> None:
    """In the unnamed package three are enough, as Groovy's scripts are; else twenty."""
    scripts = [f"Script{number}" for number in (3, 17, 829)]
    assert generated(*scripts) == {
        "Script…": [0.0, 0.0],
        "Script…<Script….<init><shop.Search.find": [3.0, 48.0],
    }
    assert "Script3" in generated(*scripts[:2])
    profile = read(
        histogram=rows(A=(1, 16)),
        objects=[{"class": "A", "frames": [[f"{name}.run", 4], *OTHER]} for name in scripts],
    )
    assert {frame.function: frame.own for row in range(2) for frame in profile.stack(row)} == {
        "A": False,
        "Script….run": False,
        "shop.Search.find": True,
    }
    for many, one in ((19, False), (20, True)):
        views = generated(*(f"shop.View{number}" for number in range(many)))
        assert ("shop.View…" in views) is one
    assert "shop.View7$Row" in generated(*(f"shop.View{number}$Row" for number in range(30)))


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"allocated": [[7.0]]}, "an allocation that is not a size and a stack"),
        ({"allocated": [[7.0, CALLS, "A", 1]]}, "an allocation that is not a size and a stack"),
        ({"allocated": [[7.0, [["f"]]]]}, "a call that is not a method and a line"),
        ({"objects": [{"class": "A", "frames": [["f", 1, 2]]}]}, "a call that is not a method"),
        ({"objects": [{"class": "A"}]}, "a NoneType where an array should be"),
    ],
)
def test_what_has_another_shape_is_refused(document: dict[str, Any], said: str) -> None:
    with pytest.raises(ProfileFormatError, match=said):
        read(histogram=rows(A=(1, 1)), **document)
