"""The profile's flows: requests that one user makes in order, some of them repeatedly, on a condition, or by chance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from soak.profile.fields import Ratio, Shorthand, Strict, Word
from soak.profile.pauses import AnyThink
from soak.profile.requests import Capture, RequestSpec
from soak.profile.tags import Tag as RequestTag
from soak.profile.yamltext import Path

#: Maximum rounds of a loop: more requests than that are a load of their own, not a step of a flow.
MOST_ROUNDS = 10_000
#: Default maximum rounds of a `while`.
USUAL_ROUNDS = 100
#: Maximum nesting of blocks.
MOST_LEVELS = 8
#: What pydantic adds to an error's location to say as which kind it parsed a step.
STEP_TAGS = ("<step>", "<block>")


def _chance(value: object) -> object:
    if value in (0, "0%"):
        raise ValueError("is a step that is never made: leave it out")
    return value


Chance = Annotated[Ratio, Field(le=1.0), BeforeValidator(_chance)]


class StepSpec(RequestSpec):
    """One request of a flow; short form: `GET /path`."""

    capture: dict[Word, Annotated[Capture, Shorthand(("json",))]] = Field(
        default={}, description="Values from its answer for the templates of later steps"
    )
    if_: str | None = Field(
        default=None,
        alias="if",
        description='Make it only if this is true, such as "{{ stock > 0 }}"',
    )
    chance: Chance = Field(default=1.0, description="Make it with this probability, such as 30%")
    think: AnyThink | None = Field(
        default=None, description="Pause after this step; default: load.think"
    )


class BlockSpec(Strict):
    """Steps of a flow that run together: repeatedly, on a condition, or with a probability."""

    steps: list[AnyStep] = Field(min_length=1, description="The steps, in order")
    repeat: int = Field(
        default=1, ge=1, le=MOST_ROUNDS, description="How many times to make the steps"
    )
    while_: str | None = Field(
        default=None,
        alias="while",
        description='Repeat the steps while this is true, such as "{{ next is not none }}"',
    )
    at_most: int = Field(
        default=USUAL_ROUNDS,
        ge=1,
        le=MOST_ROUNDS,
        description="Maximum rounds of while; default: 100",
    )
    if_: str | None = Field(
        default=None, alias="if", description="Make the steps only if this is true"
    )
    chance: Chance = Field(default=1.0, description="Make it with this probability, such as 30%")

    @model_validator(mode="after")
    def _one_loop(self) -> BlockSpec:
        if self.while_ is not None and "repeat" in self.model_fields_set:
            raise ValueError("give either repeat or while, and not both")
        if self.while_ is None and "at_most" in self.model_fields_set:
            raise ValueError("at_most goes with while; repeat says how many rounds itself")
        return self


def _kind(value: Any) -> str:
    block = "steps" in value if isinstance(value, dict) else isinstance(value, BlockSpec)
    return STEP_TAGS[1 if block else 0]


AnyStep = Annotated[
    Annotated[StepSpec, Shorthand(("request",)), Tag(STEP_TAGS[0])]
    | Annotated[BlockSpec, Tag(STEP_TAGS[1])],
    Discriminator(_kind),
]
BlockSpec.model_rebuild()


class Flow(Strict):
    """Requests that one user makes in order; a failed request ends the flow."""

    name: str = Field(
        min_length=1,
        max_length=100,
        description="Name in reports, and prefix of its steps' names",
    )
    weight: float = Field(
        default=1.0,
        gt=0,
        allow_inf_nan=False,
        description="Share of the traffic, relative to the other flows and endpoints",
    )
    steps: list[AnyStep] = Field(min_length=1, description="The requests, in order")
    tags: list[RequestTag] = Field(
        default=[], description="Tags of all its requests, in addition to their own"
    )

    @model_validator(mode="after")
    def _not_too_deep(self) -> Flow:
        if any(len(place) > 2 * MOST_LEVELS for place, _ in requests_in(self.steps, ())):
            raise ValueError(f"steps are nested more than {MOST_LEVELS} levels deep")
        return self


def requests_in(
    steps: Sequence[StepSpec | BlockSpec], place: Path
) -> Iterator[tuple[Path, StepSpec]]:
    """Yield every request in the steps, including those in blocks, with its path in the file below `place`."""
    for index, step in enumerate(steps):
        if isinstance(step, BlockSpec):
            yield from requests_in(step.steps, (*place, index, "steps"))
        else:
            yield (*place, index), step


def blocks_in(
    steps: Sequence[StepSpec | BlockSpec], place: Path
) -> Iterator[tuple[Path, StepSpec | BlockSpec]]:
    """Yield every step and block with its path, outer ones first."""
    for index, step in enumerate(steps):
        yield (*place, index), step
        if isinstance(step, BlockSpec):
            yield from blocks_in(step.steps, (*place, index, "steps"))
