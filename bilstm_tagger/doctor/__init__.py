"""The doctor of data: what is wrong with a source, where, and how it is mended."""

from bilstm_tagger.doctor.check import check, check_config
from bilstm_tagger.doctor.findings import Finding, Place
from bilstm_tagger.doctor.report import CheckReport, PartSummary

__all__ = ["CheckReport", "Finding", "PartSummary", "Place", "check", "check_config"]
