"""What people type when they search, as words; nothing of it is ever a pattern."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

MAX_WORDS: Final = 8
"""Words of a search that count; the others are left out."""
MAX_LENGTH: Final = 40
"""Characters of a word that count."""

_WORD: Final = re.compile(r"[^\W_]+")

_SAME: Final = (
    ("postgres", "postgresql", "pg"),
    ("mariadb", "mysql"),
    ("redis", "valkey"),
    ("database", "db", "sql"),
    ("cache", "caching"),
    ("wiki", "knowledge", "documentation"),
    ("cms", "website", "blog"),
    ("mail", "email", "smtp"),
    ("chat", "messaging", "messenger"),
    ("identity", "sso", "login", "oidc"),
    ("s3", "storage", "bucket", "buckets"),
    ("git", "forge", "repository"),
    ("monitoring", "metrics", "observability"),
    ("logs", "logging"),
    ("dashboard", "dashboards"),
    ("automation", "workflow", "workflows"),
    ("analytics", "statistics"),
    ("ai", "llm"),
    ("password", "passwords", "vault"),
    ("files", "drive", "sharing"),
    ("k8s", "kubernetes"),
)  # fmt: skip

SYNONYMS: Final[dict[str, tuple[str, ...]]] = {
    word: tuple(other for other in group if other != word) for group in _SAME for word in group
}
"""Words that mean the same, for each of them."""


def words(text: str) -> tuple[str, ...]:
    """Return the words of a text in small letters without accents, as they stand."""
    apart = unicodedata.normalize("NFKD", text)
    plain = "".join(sign for sign in apart if not unicodedata.combining(sign)).casefold()
    return tuple(word[:MAX_LENGTH] for word in _WORD.findall(plain))


def asked(text: str) -> tuple[str, ...]:
    """Return the words that a search looks for, each once; `bp` alone says nothing."""
    found = tuple(dict.fromkeys(word for word in words(text) if word != "bp"))
    return found[:MAX_WORDS]


def synonyms(word: str) -> tuple[str, ...]:
    """Return what else people call it."""
    return SYNONYMS.get(word, ())


def typos(word: str) -> int:
    """Return how many letters may be wrong: none of a short word, one, or two of a long one."""
    return 0 if len(word) < 4 else 1 if len(word) < 8 else 2
