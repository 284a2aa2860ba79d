"""Files as a later version of Catalyst may make them: others of the same."""

from collections import OrderedDict

import pytest

from catalyst.provisioning.domain import files, rendered


def made_otherwise(patch: pytest.MonkeyPatch) -> None:
    """Let files come out otherwise from now on, also of what is remembered as it came out."""
    patch.setattr(files, "INTERVAL", "7m")
    patch.setattr(rendered, "_remembered", OrderedDict())
