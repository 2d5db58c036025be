"""Fixtures that several tests use."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest


def pytest_configure() -> None:
    # Before any test imports torch: tiny tensors are slower on several threads, and sums in another order differ.
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of data sets that may not all be shipped: ``../shared/data``, or ``BILSTM_TAGGER_SHARED_DATA``."""
    beside = Path(__file__).resolve().parents[1].parent / "shared" / "data"
    folder = Path(os.environ.get("BILSTM_TAGGER_SHARED_DATA", beside))
    if not folder.is_dir():
        pytest.skip(f"the shared data sets are not at {folder}; BILSTM_TAGGER_SHARED_DATA can name another folder")
    return folder


@pytest.fixture
def heeded() -> Iterator[None]:
    """Signals as in a terminal: what a shell starts in the background ignores Ctrl-C, and so do its children."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session", autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keeps what tests read out of the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BILSTM_TAGGER_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield
