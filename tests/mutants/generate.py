"""The mutants of a file: small changes of its code, made by cosmic-ray's operators."""

from __future__ import annotations

import ast
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator

ROOT = Path(__file__).parent.parent.parent
#: What is mutated: all that decides a verdict or names a suspect.
MUTATED = [
    *sorted((ROOT / "soak" / "analysis").rglob("*.py")),
    *sorted((ROOT / "soak" / "diagnosis").rglob("*.py")),
    ROOT / "soak" / "pipeline.py",
]
#: Cosmic-ray's operators that make a plausible mistake: each comparison's boundary and its opposite, each calculation's
#: inverse. Left out are those whose mutants nearly always raise TypeError (shifts of floats, `is` for `<`): they are
#: killed by anything that runs them, and would only flatter the share.
OPERATORS = [
    *(
        f"ReplaceComparisonOperator_{pair}"
        for pair in ("Lt_LtE", "Lt_GtE", "LtE_Lt", "LtE_Gt", "Gt_GtE", "Gt_LtE")
    ),
    *(
        f"ReplaceComparisonOperator_{pair}"
        for pair in ("GtE_Gt", "GtE_Lt", "Eq_NotEq", "NotEq_Eq", "Is_IsNot", "IsNot_Is")
    ),
    *(
        f"ReplaceBinaryOperator_{pair}"
        for pair in ("Add_Sub", "Sub_Add", "Mul_Div", "Div_Mul", "FloorDiv_Div", "Mod_Mul")
    ),
    *(f"ReplaceBinaryOperator_{pair}" for pair in ("Pow_Mul", "BitAnd_BitOr", "BitOr_BitAnd")),
    *(f"ReplaceUnaryOperator_{pair}" for pair in ("USub_UAdd", "Delete_Not", "Delete_Invert")),
    *(
        "ReplaceTrueWithFalse",
        "ReplaceFalseWithTrue",
        "ReplaceAndWithOr",
        "ReplaceOrWithAnd",
        "AddNot",
    ),
    *(
        "ReplaceBreakWithContinue",
        "ReplaceContinueWithBreak",
        "NumberReplacer",
        "ExceptionReplacer",
        "ZeroIterationForLoop",
    ),
]


@dataclass(frozen=True)
class Mutant:
    """One change: the `occurrence`-th place of `operator` in `path` (relative to the project), which stands on `line`."""

    path: str
    line: int
    operator: str
    occurrence: int

    @lru_cache(maxsize=2)  # noqa: B019 - as few as are tried at a time
    def source(self) -> str:
        """The whole mutated file."""
        mutated = mutate_code(
            (ROOT / self.path).read_text(), get_operator(f"core/{self.operator}")(), self.occurrence
        )
        assert isinstance(mutated, str)
        return mutated

    def is_python(self) -> bool:
        """Whether the mutated file can be compiled: `if not found := look():` cannot."""
        try:
            compile(self.source(), self.path, "exec", dont_inherit=True)
        except SyntaxError:
            return False
        return True

    def change(self) -> tuple[str, str]:
        """The first changed line, before and after."""
        lines = zip(
            (ROOT / self.path).read_text().splitlines(), self.source().splitlines(), strict=False
        )
        return next(((old.strip(), new.strip()) for old, new in lines if old != new), ("", ""))


def mutants_of(path: Path) -> Iterator[Mutant]:
    """All mutants of a file, but for those that change no behaviour by their kind (`_left_alone`)."""
    text = path.read_text()
    spans = list(_left_alone(ast.parse(text)))
    nodes = list(ast_nodes(get_ast(text)))
    for name in OPERATORS:
        operator = get_operator(f"core/{name}")()
        positions = (position for node in nodes for position in operator.mutation_positions(node))
        for occurrence, (start, _) in enumerate(positions):
            if not any(first <= start < last for first, last in spans):
                yield Mutant(str(path.relative_to(ROOT)), start[0], name, occurrence)


def sample(count: int, seed: int) -> list[Mutant]:
    """A sample of all mutants in which each file has its share: every n-th of the list in order of files, shuffled within."""
    chooser = random.Random(seed)
    ordered = [
        mutant for path in MUTATED for mutant in chooser.sample(_all_of(path), len(_all_of(path)))
    ]
    step = len(ordered) / min(count, len(ordered))
    start = chooser.random() * step
    chosen = [ordered[int(start + step * number)] for number in range(min(count, len(ordered)))]
    # In no order of files, so that what was tried when a run is stopped is a sample too.
    return chooser.sample(chosen, len(chosen))


@cache
def _all_of(path: Path) -> Sequence[Mutant]:
    return tuple(mutants_of(path))


def _left_alone(tree: ast.Module) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Where a change is none: annotations (never evaluated), decorators (`slots=True`), and `strict=True` of zip."""
    left: list[Any] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            left += [*node.decorator_list, node.returns]
        elif isinstance(node, ast.ClassDef):
            left += node.decorator_list
        elif isinstance(node, ast.arg | ast.AnnAssign):
            left.append(node.annotation)
        elif isinstance(node, ast.keyword) and node.arg == "strict":
            left.append(node.value)
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            left.append(node.test)
    for node in left:
        if node is not None:
            yield (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)
