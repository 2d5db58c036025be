"""The layers of the package: imports go one way only, and the light parts stay light."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import bilstm_tagger

PACKAGE = Path(bilstm_tagger.__file__).parent

# Each part with the parts that it may import. A part that is not listed here fails the test below.
FOUNDATION = {"errors", "types", "schemes", "cache_folder", "split_rules", "chain", "memory", "folder_lock"}
ALLOWED = {
    "errors": set(),
    "cache_folder": set(),
    "folder_lock": set(),
    "memory": set(),
    "types": set(),
    "split_rules": set(),
    "chain": set(),
    "schemes": {"errors"},
    "tasks": {"errors", "types", "schemes"},
    "config": FOUNDATION | {"tasks"},
    "data": FOUNDATION | {"tasks", "config"},
    "features": FOUNDATION | {"tasks", "config"},
    "evaluation": FOUNDATION | {"tasks", "config"},
    "nn": {"errors", "types", "schemes", "chain"},
    "drawing": FOUNDATION | {"tasks", "data"},
    # The doctor reads data and looks words up in vectors; what trains and tags needs no doctor.
    "doctor": FOUNDATION | {"tasks", "config", "data", "features"},
    "inference": FOUNDATION | {"tasks", "config", "data", "features", "evaluation", "nn"},
    "training": FOUNDATION | {"tasks", "config", "data", "features", "evaluation", "nn", "inference"},
    "cli": FOUNDATION
    | {"tasks", "config", "data", "features", "evaluation", "nn", "inference", "drawing", "training", "doctor"},
    "__main__": {"cli"},
}
WITHOUT_TORCH = FOUNDATION | {"config", "tasks", "data", "features", "evaluation", "drawing", "doctor"}
TORCH = {"torch", "torchcrf", "accelerate"}

MODULES = sorted(PACKAGE.rglob("*.py"))


def part_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_modules(source: str, *, package: str = "bilstm_tagger") -> set[str]:
    """The full names of all modules that a source imports anywhere, also inside functions; not for type checking."""
    tree = ast.parse(source)
    skipped = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for statement in node.body
        for inner in ast.walk(statement)
    }
    found: set[str] = set()
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")
            base = ".".join(parents[: len(parents) - node.level + 1]) if node.level else ""
            module = ".".join(filter(None, (base, node.module)))
            found.add(module)
            # "from bilstm_tagger import nn" names a module too.
            found |= {f"{module}.{alias.name}" for alias in node.names}
    return found


def imports_of(path: Path) -> set[str]:
    package = ".".join((PACKAGE.name, *path.relative_to(PACKAGE).parts[:-1]))
    return imported_modules(path.read_text(encoding="utf-8"), package=package)


def parts_in(modules: set[str]) -> set[str]:
    return {name.split(".")[1] for name in modules if name.startswith("bilstm_tagger.")}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_down_the_layers_only(path: Path) -> None:
    part = part_of(path)
    if part == "__init__":
        # The package itself imports nothing of its own until a name is used.
        assert parts_in(imports_of(path)) == set()
        return
    assert part in ALLOWED, f"{part} has no place in the layers: give it one here"
    names = parts_in(imports_of(path)) & set(ALLOWED)
    assert names <= ALLOWED[part] | {part}


@pytest.mark.parametrize("path", [path for path in MODULES if part_of(path) in WITHOUT_TORCH], ids=lambda p: p.stem)
def test_what_must_run_without_torch_never_imports_it(path: Path) -> None:
    assert {name.split(".")[0] for name in imports_of(path)} & TORCH == set()


@pytest.mark.parametrize("path", [path for path in MODULES if part_of(path) == "nn"], ids=lambda p: p.stem)
def test_the_network_imports_no_reader_and_no_tokenizer(path: Path) -> None:
    forbidden = {"datasets", "tokenizers", "transformers", "pydantic", "seqeval"}
    assert {name.split(".")[0] for name in imports_of(path)} & forbidden == set()


def test_every_part_of_the_package_was_looked_at() -> None:
    assert {part_of(path) for path in MODULES} - {"__init__"} == set(ALLOWED)


def test_imports_are_found_wherever_they_stand() -> None:
    source = """
from typing import TYPE_CHECKING
import torch.nn as nn
if TYPE_CHECKING:
    import pandas
else:
    import numpy
def late():
    from bilstm_tagger import features
    from ..nn import crf
    from . import sibling
"""
    found = imported_modules(source, package="bilstm_tagger.data")
    assert {
        "torch.nn",
        "numpy",
        "bilstm_tagger.features",
        "bilstm_tagger.nn.crf",
        "bilstm_tagger.data.sibling",
    } <= found
    assert "pandas" not in found
