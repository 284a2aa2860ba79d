"""What is told of a folder that a repository does not take."""

import pytest
from dulwich.objects import ObjectID, Tree

from catalyst.environment_controller.adapters.git_sound import fault

ID = ObjectID(b"1" * 40)
NAMED = "a file or a folder has a name that a repository does not take, as .gitmodules"


@pytest.mark.parametrize(
    ("name", "mode", "told"),
    [
        (b"a", 0o100644, ""),
        (b"a", 0o100755, ""),
        (b"a", 0o120000, ""),
        (b"a", 0o040000, ""),
        (b".gitignore", 0o100644, ""),
        (b"a", 0o160000, "a folder holds another repository (a submodule)"),
        (b"a", 0o100664, "a folder holds what is neither a file, a link nor a folder"),
        (b".gitmodules", 0o100644, NAMED),
        (b".GitModules ", 0o100644, NAMED),
        (b"GIT~1", 0o100644, NAMED),
    ],
)
def test_what_leads_to_another_repository_is_named(name: bytes, mode: int, told: str) -> None:
    made = Tree()
    made.add(name, mode, ID)
    assert fault(Tree.from_string(made.as_raw_string())) == told
