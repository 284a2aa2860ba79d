"""Which objects a repository takes: none in which `git fsck --strict` finds anything. Pure.

The library reads more than Git does. What it takes and Git complains about would stand in every
clone; what has a name that a file system takes for `.git` is written to there by whoever checks it
out. And of what Git lets pass, nothing is taken that leads to another repository: neither a
submodule nor a `.gitmodules`, by which whoever clones fetches from an address of the pusher's.
"""

from __future__ import annotations

import re
import stat
from typing import Final

from dulwich.objects import Commit, ShaFile, Tag, Tree, parse_tree
from dulwich.refs import Ref, check_ref_format

_WHO: Final = rb"[^<>\n\0]* <[^<>\n\0]*> (?:0|[1-9][0-9]{0,17}) [+-][0-9]{4}\n"
_MORE: Final = rb"(?:[a-z][a-z0-9-]*(?: [^\n]*)?\n(?: [^\n]*\n)*)*"
_COMMIT: Final = re.compile(
    rb"tree [0-9a-f]{40}\n(?:parent [0-9a-f]{40}\n)*"
    rb"author " + _WHO + rb"committer " + _WHO + _MORE + rb"(?:\n[^\0]*)?"
)
_TAG: Final = re.compile(
    rb"object [0-9a-f]{40}\ntype (?:commit|tree|blob|tag)\ntag ([^\n]+)\ntagger "
    + _WHO
    + rb"(?:\n[^\0]*)?"
)
_SUBMODULE: Final = 0o160000
_MODES: Final = frozenset({stat.S_IFREG | 0o644, stat.S_IFREG | 0o755, stat.S_IFLNK, stat.S_IFDIR})
_NAME_BYTES: Final = 255
_SPECIAL: Final = re.compile(r"|\.git|\.gitmodules|gi[a-z0-9]{0,4}~[0-9]+")
"""What no name may come to, once what file systems leave out is left out; `gi…~1` is the short name
of another one."""
_LEFT_OUT: Final = re.compile(r"[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")
_SIGNS: Final = re.compile(r"[\x00-\x1f\x7f/\\:]")


def fault(item: ShaFile) -> str:
    """Return why an object is not taken, for whoever pushed it; empty if it is.

    Raises:
        Exception: If the library cannot read it.
    """
    item.check()
    content = item.as_raw_string()
    match item:
        case Commit():
            return "" if _COMMIT.fullmatch(content) else "a commit is not written as Git writes it"
        case Tag():
            found = _TAG.fullmatch(content)
            named = found is not None and check_ref_format(Ref(b"refs/tags/" + found[1]))
            return "" if named else "a tag is not written as Git writes it"
        case Tree():
            return _fault_of_tree(content)
        case _:
            return ""


def _fault_of_tree(content: bytes) -> str:
    names = set[bytes]()
    # A tree that was read has lost the first of two of one name.
    for name, mode, _ in parse_tree(content, sha_len=20, strict=True):
        if name in names:
            return "a folder has two files of one name"
        names.add(name)
        if mode == _SUBMODULE:
            return "a folder holds another repository (a submodule)"
        if mode not in _MODES:
            return "a folder holds what is neither a file, a link nor a folder"
        if not is_name(name):
            return "a file or a folder has a name that a repository does not take, as .gitmodules"
    return ""


def is_name(name: bytes) -> bool:
    """Return whether a file or a folder may have this name."""
    try:
        text = name.decode()
    except UnicodeDecodeError:
        return False
    if len(name) > _NAME_BYTES or _SIGNS.search(text):
        return False
    plain = _LEFT_OUT.sub("", text).rstrip(" .").casefold()
    return _SPECIAL.fullmatch(plain) is None
