"""The page holds the numbers, the plots and what changed, needs nothing else, and escapes what models say."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from test_report import ROWS, report_of, result

pytest.importorskip("matplotlib", reason="matplotlib (extra `eval`) is not installed")

from jobs.plots import calibration_plot, rates_plot, tokens_plot
from jobs.report_html import html_report

REPORT = report_of(*ROWS)


def test_the_page_needs_nothing_else_and_says_what_the_tables_say() -> None:
    page = html_report(REPORT, ROWS)
    # Namespaces are names: what would be fetched stands in src, or in an href that leaves the page.
    assert not re.search(r'src=|href="(?!#)|@import|url\((?!#)', page)
    assert page.count("<svg") == 3
    assert all(words in page for words in ("signed but wrong", "efficiency", "V3", "gained", "lost"))


def test_what_a_model_wrote_is_escaped() -> None:
    row = result("b", "-+", kept=1).model_copy(update={"reason": "<script>alert(1)</script>"})
    page = html_report(report_of(row), [row])
    assert "<script>" not in page and "&lt;script&gt;" in page


def test_the_plots_are_well_formed_and_the_same_every_time() -> None:
    for plot in (rates_plot(REPORT), calibration_plot(REPORT), tokens_plot(ROWS)):
        assert ElementTree.fromstring(plot).tag.endswith("svg")
    assert rates_plot(REPORT) == rates_plot(REPORT)


def test_a_level_that_no_run_has_is_no_bar() -> None:
    assert "V2+" in calibration_plot(REPORT) and "V4+" not in calibration_plot(REPORT)
