"""Protein chains as a reader gives them, checked, with states and profiles: what a row of a protein is made of."""

from __future__ import annotations

from bilstm_tagger.data.proteins.profiles import Profiles
from bilstm_tagger.data.proteins.residues import ChainChecks
from bilstm_tagger.data.records import ReadOptions, Record
from bilstm_tagger.data.tags import residue_record
from bilstm_tagger.errors import DataError

__all__ = ["ChainFinisher"]


class ChainFinisher:
    """Makes of the chains of one source what rows hold, one chain after the other.

    Args:
        options: Say the task, the map of states, and whether a chain that cannot be used ends the reading.
        profiles: Give the columns of each chain, by its id; they replace what the source itself has.
    """

    def __init__(self, options: ReadOptions, profiles: Profiles | None = None) -> None:
        self._options = options
        self._profiles = profiles
        self._checks = ChainChecks()

    def finish(self, record: Record) -> Record | None:
        """Returns a chain with the task's states and with its profile as dense columns; None if it is to be skipped.

        Raises:
            DataError: It is empty, of unknown residues only, of nucleotides, has the id of another, a letter that is no
                residue, a label that is no state, or no profile of its length; unless the options skip such chains.
        """
        try:
            chain = residue_record(record, self._options.task, state_map=self._options.states)
            sequence = "".join(chain.tokens)
            self._checks.check(chain.id, sequence, path=chain.path, line=chain.line)
            return chain if self._profiles is None else _with_profile(chain, sequence, self._profiles)
        except DataError as error:
            self._options.refuse(error)
            return None


def _with_profile(chain: Record, sequence: str, profiles: Profiles) -> Record:
    """Adds the columns; errors name the chain's file and line beside the profile's."""
    try:
        columns = profiles.columns(chain.id, sequence)
    except DataError as error:
        raise DataError(f"record '{chain.id}': {error}", path=chain.path, line=chain.line) from None
    return chain._replace(dense=list(columns))
