"""Run as a program: lints and renders the chart in the folder named by its argument; answers JSON.

It imports nothing of ours, for it is started once a chart and must be quick.
"""

from __future__ import annotations

import json
import sys

import helm_python


def main(folder: str) -> None:
    report = helm_python.lint(folder, strict=True)
    messages = list(report["messages"])
    rendered: dict[str, str] = {}
    problem = None
    try:
        with helm_python.Chart.load(folder) as chart:
            rendered = dict(chart.render({}, name="release", namespace="default"))
    except helm_python.HelmError as error:
        problem = str(error)
    json.dump({"lint": messages, "rendered": rendered, "problem": problem}, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])
