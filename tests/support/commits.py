"""Commits of a repository that is a source of Blueprints."""

from dulwich.objects import Commit, Tree


def committed(tree: Tree) -> Commit:
    """Return a commit of a tree."""
    made = Commit()
    made.tree = tree.id
    made.author = made.committer = b"Ada <ada@acme.example>"
    made.author_time = made.commit_time = 1_700_000_000
    made.author_timezone = made.commit_timezone = 0
    made.message = b"Write Blueprints"
    return made
