"""The report: one self-contained page on two recordings, for a case file."""

from verify.report.page import write_report

__all__ = ["write_report"]
