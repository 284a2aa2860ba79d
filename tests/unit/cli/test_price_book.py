"""`catalyst billing price-book apply`: what is no price book is told before anything is sent."""

import json
from pathlib import Path

import pytest
from tests.unit.cli.test_billing import URL
from tools.files import ROOT

from catalyst.cli.exits import ExitCode
from catalyst.cli.main import ended

MANIFEST = {"apiVersion": "catalyst.openova.io/v1alpha1", "kind": "Organization"}


@pytest.mark.parametrize(
    "text",
    [
        (ROOT / "examples" / "omantel.yaml").read_text(),
        json.dumps(MANIFEST),
        json.dumps(MANIFEST, indent=2),
        "---\n'kind': Organization\n'apiVersion': v1\n",
    ],
)
def test_a_manifest_leads_to_the_verb_that_takes_it(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a b.yaml"
    file.write_text(text)
    verb = ["billing", "price-book", "apply", str(file), "--url", URL]
    assert ended(verb) == ExitCode.USAGE
    said = capsys.readouterr().err
    assert "holds a manifest, and not a price book" in said
    assert f"apply -f '{file}'`" in said
