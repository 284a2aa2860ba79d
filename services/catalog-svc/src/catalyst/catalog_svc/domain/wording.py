"""What people type when they search, as words; nothing of it is ever a pattern."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Sequence
from typing import Final

MAX_WORDS: Final = 8
"""Words of a search that count; the others are left out."""
MAX_LENGTH: Final = 40
"""Characters of a word that count."""

_SHORT: Final = 4
"""A word of so few letters is not taken for several of something."""
_WORD: Final = re.compile(r"[^\W_]+")

_SAME: Final = (
    ("postgres", "postgresql", "pg"),
    ("mariadb", "mysql"),
    ("redis", "valkey"),
    ("database", "db", "sql"),
    ("cache", "caching"),
    ("wiki", "knowledge", "documentation", "knowledgebase"),
    ("cms", "blog"),
    ("mail", "email", "smtp"),
    ("chat", "messaging", "messenger"),
    ("identity", "sso", "login", "oidc", "oauth", "signin", "signon", "singlesign"),
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

_STANDS_FOR: Final[dict[str, tuple[str, ...]]] = {
    "passwordmanager": ("vaultwarden", "passwords"),
    "1password": ("vaultwarden", "passwords"),
    "lastpass": ("vaultwarden", "passwords"),
    "oauth": ("keycloak",),
    "oauth2": ("keycloak", "oidc"),
    "okta": ("keycloak", "identity"),
    "auth0": ("keycloak", "identity"),
    "2fa": ("keycloak", "identity"),
    "mfa": ("keycloak", "identity"),
    "minio": ("s3", "storage"),
    "github": ("forgejo", "git"),
    "gitlab": ("forgejo", "git"),
    "gitea": ("forgejo", "git"),
    "bitbucket": ("forgejo", "git"),
    "slack": ("mattermost", "chat"),
    "msteams": ("mattermost", "chat"),
    "microsoftteams": ("mattermost", "chat"),
    "dropbox": ("nextcloud", "files"),
    "googledrive": ("nextcloud", "files"),
    "onedrive": ("nextcloud", "files"),
    "owncloud": ("nextcloud", "files"),
    "cloudstorage": ("nextcloud", "files"),
    "filestorage": ("nextcloud", "files"),
    "groupware": ("nextcloud", "calendar"),
    "confluence": ("wiki", "documentation"),
    "mediawiki": ("wiki", "documentation"),
    "notion": ("wiki", "documentation"),
    "website": ("cms", "blog"),
    "wp": ("wordpress",),
    "zapier": ("n8n", "automation"),
    "googleanalytics": ("umami", "analytics"),
    "matomo": ("umami", "analytics"),
    "plausible": ("umami", "analytics"),
    "chatgpt": ("litellm", "llm"),
    "openai": ("litellm", "llm"),
    "memcached": ("cache",),
    "keyvalue": ("cache",),
    "kv": ("cache",),
    "ci": ("forgejo", "git"),
    "cicd": ("forgejo", "git"),
    "notes": ("wiki", "documentation"),
    "elasticsearch": ("logs",),
    "kibana": ("dashboards", "logs"),
    "datadog": ("monitoring",),
    "charts": ("dashboards",),
    "photos": ("nextcloud", "files"),
    "mailhog": ("mailpit",),
}
"""What is offered for what people know by another name; the other way it says nothing."""

SYNONYMS: Final[dict[str, tuple[str, ...]]] = {
    word: tuple(other for other in group if other != word) for group in _SAME for word in group
}
"""Words that mean the same, for each of them."""

_MEANT: Final = SYNONYMS.keys() | _STANDS_FOR.keys()
"""Words that have others."""

_SAYS_NOTHING: Final = frozenset(
    (
        "a", "an", "and", "are", "at", "by", "can", "do", "for", "from", "have", "how", "i", "in",
        "is", "it", "me", "my", "of", "on", "or", "our", "own", "some", "that", "the", "this", "to",
        "us", "want", "we", "what", "with", "you", "your",
    )
)  # fmt: skip
"""Words that stand in every sentence."""


def words(text: str) -> tuple[str, ...]:
    """Return the words of a text in small letters without accents, as they stand."""
    apart = unicodedata.normalize("NFKD", text)
    plain = "".join(sign for sign in apart if not unicodedata.combining(sign)).casefold()
    return tuple(word[:MAX_LENGTH] for word in _WORD.findall(plain))


def asked(text: str) -> tuple[str, ...]:
    """Return the words that a search looks for, each once, without those that say nothing.

    `bp` alone says nothing; behind it stands a name, of which every word counts.
    """
    found: list[str] = []
    all_words = words(text)
    named = all_words[:1] == ("bp",)
    for before, word in zip(("", *all_words), all_words, strict=False):
        if named or word not in _SAYS_NOTHING:
            found.append(word)
        elif found and found[-1] == before and before + word in _MEANT:
            found[-1] = before + word  # as in `log in`
    return tuple(dict.fromkeys(word for word in found if word != "bp"))[:MAX_WORDS]


def joined(found: Sequence[str], at: int) -> tuple[str, ...]:
    """Return a word together with the one before it and the one behind it: `word press`."""
    near = (found[max(at - 1, 0) : at + 1], found[at : at + 2])
    return tuple("".join(pair)[:MAX_LENGTH] for pair in near if len(pair) == 2)


def synonyms(word: str) -> tuple[str, ...]:
    """Return what else people call it, or what is offered for it; one of several likewise."""
    one = word.removesuffix("s") if len(word) > _SHORT else word
    found = (_STANDS_FOR.get(name, ()) + SYNONYMS.get(name, ()) for name in (word, one))
    single = () if one == word else (one,)
    return tuple(dict.fromkeys((*single, *itertools.chain.from_iterable(found))))


def typos(word: str) -> int:
    """Return how many letters may be wrong: none of a short word, one, or two of a long one."""
    return 0 if len(word) < 4 else 1 if len(word) < 8 else 2
