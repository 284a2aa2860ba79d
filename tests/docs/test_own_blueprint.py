"""docs/own-blueprint.md says of its Blueprint what the check says."""

import re
from collections import Counter
from pathlib import Path

from tools.files import ROOT

from catalyst.blueprints.lint import lint
from catalyst.blueprints.package import Package
from catalyst.blueprints.reading import read_folder

PAGE = (ROOT / "docs" / "own-blueprint.md").read_text("utf-8")
FILE = re.compile(r"^```yaml id=my-blueprints/bp-hello/(\S+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
TIMES = {"": 1, "twice": 2, "thrice": 3}
COUNTS = {"eight": 8}


def test_the_warnings_that_it_names_are_those_that_there_are(tmp_path: Path) -> None:
    for name, text in FILE.findall(PAGE):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    package = read_folder(tmp_path)
    assert isinstance(package, Package)
    findings = lint(package).findings
    assert {one.severity for one in findings} == {"warning"}
    told = re.findall(r"\(`(advice\.[\w-]+)`(?:, (\w+))?\)", PAGE)
    found = Counter(one.rule for one in findings)
    assert {rule: TIMES[often] for rule, often in told} == dict(found)
    counted = re.search(r"This one gets (\w+):", PAGE)
    assert counted is not None
    assert COUNTS[counted[1]] == found.total()
