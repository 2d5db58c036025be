"""The public names: locked, importable, documented, and cheap to have."""

from __future__ import annotations

import inspect
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

import bilstm_tagger

# A name that leaves this list breaks its users; a name that joins it is a promise.
PUBLIC = {
    "Config",
    "ConfigError",
    "DataError",
    "InputError",
    "MissingDependencyError",
    "ModelError",
    "Report",
    "Span",
    "TaggedSequence",
    "Tagger",
    "TaggerError",
    "UnknownTagError",
    "__version__",
    "load_rows",
    "score",
    "train",
}
HEAVY = ("torch", "datasets", "transformers", "tokenizers", "seqeval", "sklearn", "pandas", "pyarrow", "matplotlib")
ROOT = Path(__file__).parents[2]


def loaded_by(statement: str) -> set[str]:
    """The heavy packages that a fresh interpreter has loaded after a statement."""
    code = f"import sys\n{statement}\nprint(*(name for name in {HEAVY!r} if name in sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    return set(result.stdout.split())


def test_the_public_names_are_these() -> None:
    assert set(bilstm_tagger.__all__) == PUBLIC
    assert len(bilstm_tagger.__all__) == len(PUBLIC)
    assert set(dir(bilstm_tagger)) == PUBLIC


@pytest.mark.parametrize("name", sorted(PUBLIC - {"__version__"}))
def test_every_public_name_loads_and_is_documented(name: str) -> None:
    value = getattr(bilstm_tagger, name)
    assert inspect.isclass(value) or callable(value)
    assert value.__module__.startswith("bilstm_tagger.")
    assert len(inspect.getdoc(value) or "") > 20


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Trainer'"):
        _ = bilstm_tagger.Trainer


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert loaded_by("import bilstm_tagger; bilstm_tagger.TaggerError, bilstm_tagger.Span") == set()


def test_importing_the_command_line_loads_nothing_heavy() -> None:
    assert loaded_by("import bilstm_tagger.cli") == set()


def test_reading_a_configuration_loads_nothing_heavy() -> None:
    assert loaded_by("import bilstm_tagger; bilstm_tagger.Config.from_dict({'task': 'ner'})") == set()


def test_the_probe_of_loaded_modules_sees_them() -> None:
    assert "tokenizers" in loaded_by("import tokenizers")


def test_the_version_has_one_source() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert "version" in project["dynamic"]
    assert version("bilstm-tagger") == bilstm_tagger.__version__


def test_the_package_says_that_it_is_typed() -> None:
    assert (Path(bilstm_tagger.__file__).parent / "py.typed").is_file()
