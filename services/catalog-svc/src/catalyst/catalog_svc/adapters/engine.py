"""Search with tantivy, in memory: one engine for each audience, a cache that is made again.

Nothing that a person types reaches a parser: queries are built of words. Scores are fixed numbers
by the field that fits, not statistics of all that is held. Two words that stand beside each other
may be one (`word press`), and what has no text with all words is looked for with any of them. Only
a word that nothing has as it stands, or begins like it, may be one with letters that are wrong:
`blog` is no wrong `log`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import tantivy
from tantivy import Occur, Order, Query

from catalyst.blueprints.document import canonical
from catalyst.catalog_svc.domain import wording
from catalyst.catalog_svc.ports import FACETS, Count, Facet, Results, Search, Shown

_HEAP: Final = 15_000_000
"""Bytes of the writer; the least that the engine takes."""
_FACET_VALUES: Final = 100
"""Values of a facet that are counted, the most frequent first."""
_EQUALS: Final = 1000
"""So many hits more than are named are looked at first: each costs, and most have few equals."""

_TEXTS: Final = ("name", "title", "tags", "parts", "summary", "description")
"""Fields; `parts` has the tags of a bundle, which say what its parts are, and not what it is."""
_WHOLE: Final = dict(zip(_TEXTS, (100.0, 50.0, 40.0, 20.0, 15.0, 8.0), strict=True))
_BEGINS: Final = dict(zip(_TEXTS, (60.0, 30.0, 20.0, 10.0, 6.0, 3.0), strict=True))
_ALIKE: Final = {"name": 12.0, "title": 10.0, "tags": 5.0, "parts": 2.5}
_TOGETHER: Final = {"anywhere": _TEXTS, "called": tuple(_ALIKE)}
"""Fields with the words of others, for counting: they find the same, sooner."""
_SYNONYM: Final = 0.6
"""What another word for it counts, of what the word itself would; in what it is called, alone."""
_JOINED: Final = 45.0
"""What two words that are one there count, each."""
_EXACTLY: Final = 150.0
"""A word that is the whole name, and not one word of it."""
_FEATURED: Final = 5.0
_BESIDES: Final = 0.02
"""What the other texts count in which a word is, too: among equals alone, and less than a mark."""
_EQUAL: Final = 0.01
"""Scores that differ by less are the same: sums of numbers that a machine rounds."""


class _Asked(Search, frozen=True, kw_only=True):
    """What is looked for here."""

    misspelt: frozenset[str] = frozenset()
    """Words that nothing has and nothing begins like: letters of them may be wrong."""


class Tantivy:
    """Answers `ports.Shelf`."""

    def __init__(self) -> None:
        """Hold nothing."""
        self._schema = _schema()
        self._index = tantivy.Index(self._schema)
        # Read anew when `put` says so: following the folder can take a tenth of a second.
        self._index.config_reader(reload_policy="manual")
        self._writer = self._index.writer(heap_size=_HEAP, num_threads=1)
        self._held: dict[str, Shown] = {}
        self._order: list[str] = []
        self._numbers: dict[str, int] = {}

    def put(self, shown: Iterable[Shown]) -> None:
        """Hold exactly these from now on; costs what differs from before."""
        wanted = {one.name: one for one in shown}
        gone = self._held.keys() - wanted.keys()
        new = [one for name, one in wanted.items() if self._held.get(name) != one]
        if not gone and not new:
            return
        for name in (*gone, *(one.name for one in new if one.name in self._held)):
            self._writer.delete_documents_by_term("whole", name)
        for one in new:
            self._writer.add_document(self._document(one))
        self._writer.commit()
        self._index.reload()
        self._held = wanted

    def search(self, wanted: Search) -> Results:
        """Return all that fits: the best first, and by name among equals."""
        if not self._held:
            return Results(total=0, names=(), facets=dict.fromkeys(FACETS, ()))
        searcher = self._index.searcher()
        if not wanted.words:
            total, names = self._all(searcher, wanted)
            return Results(total=total, names=names, facets=self._counted(searcher, wanted))
        asked = self._asked(searcher, wanted)
        each = Occur.Must
        total, names = self._best(searcher, asked, each)
        if not total and len(asked.words) > 1 and not self._has_all(searcher, asked):
            each = Occur.Should
            total, names = self._best(searcher, asked, each)
        return Results(total=total, names=names, facets=self._counted(searcher, asked, each))

    def _asked(self, searcher: tantivy.Searcher, wanted: Search) -> _Asked:
        """Return what is looked for, with the words that nothing listed has as they stand."""
        seen = self._chosen(Search(name=wanted.name), None)
        found = [
            word
            for word, joined in zip(*_with_joined(wanted.words), strict=True)
            if wording.typos(word) and not _any_of(searcher, [*seen, self._somehow(word, joined)])
        ]
        fields = {name: getattr(wanted, name) for name in Search.__struct_fields__}
        return _Asked(**fields, misspelt=frozenset(found))

    def _has_all(self, searcher: tantivy.Searcher, wanted: _Asked) -> bool:
        """Return whether anything has all words, whatever else was chosen."""
        words = _Asked(words=wanted.words, name=wanted.name, misspelt=wanted.misspelt)
        return _any_of(searcher, [self._filter(words, None, Occur.Must)])

    def _best(
        self, searcher: tantivy.Searcher, wanted: _Asked, each: Occur
    ) -> tuple[int, tuple[str, ...]]:
        """Return how many fit, and the first names.

        All equals of the last one that is named have to be looked at, for the name decides then.
        """
        query = self._query(wanted, each)
        most = len(self._held)
        first = most if wanted.first is None else min(wanted.first, most)
        for limit in (min(first + _EQUALS, most), most):
            found = searcher.search(query, limit=limit)
            hits, total = found.hits, _total(found)
            if len(hits) == total or hits[-1][0] < hits[max(first, 1) - 1][0] - _EQUAL:
                break
        return total, self._named(searcher, hits, first)

    def _all(self, searcher: tantivy.Searcher, wanted: Search) -> tuple[int, tuple[str, ...]]:
        """Return the same where nothing was typed: what is featured, then the rest, by name."""
        total, names = 0, list[str]()
        first = len(self._held) if wanted.first is None else wanted.first
        fits = (Occur.Must, self._filter(wanted, None, Occur.Must))
        featured = _is(self._schema, "featured")
        for marked in (Occur.Must, Occur.MustNot):
            left = first - len(names)
            found = searcher.search(
                Query.boolean_query([fits, (marked, featured)]),
                limit=max(left, 1),
                order_by_field="whole",
                order=Order.Asc,
            )
            total += _total(found)
            names += [name for name, _ in found.hits[:left]]
        return total, tuple(names)

    def _named(
        self, searcher: tantivy.Searcher, hits: list[tuple[Any, tantivy.DocAddress]], first: int
    ) -> tuple[str, ...]:
        """Return the first names of hits that come by their score: by name among equals."""
        names: list[str] = []
        start = 0
        while start < len(hits) and len(names) < first:
            least = hits[start][0] - _EQUAL
            end = next((at for at in range(start, len(hits)) if hits[at][0] < least), len(hits))
            group = [address for _, address in hits[start:end]]
            numbers = searcher.fast_field_values("number", group)
            names += sorted([self._order[int(number or 0)] for number in numbers])
            start = end
        return tuple(names[:first])

    # ---- what is held

    def _document(self, one: Shown) -> tantivy.Document:
        number = self._numbers.get(one.name)
        if number is None:
            number = self._numbers[one.name] = len(self._order)
            self._order.append(one.name)
        document = tantivy.Document()
        document.add_unsigned("number", number)
        document.add_text("whole", one.name)
        tags = " ".join(one.tags)
        texts = {
            "name": one.name.removeprefix("bp-"),
            "title": one.title,
            "tags": one.category if one.bundle else f"{one.category} {tags}",
            "parts": tags if one.bundle else "",
            "summary": one.summary,
            "description": one.description,
        }
        # Cut into words here, as what is typed is: both sides cannot differ.
        words = {field: " ".join(wording.words(text)) for field, text in texts.items()}
        for field, text in words.items():
            document.add_text(field, text)
        for field, parts in _TOGETHER.items():
            document.add_text(field, " ".join(words[part] for part in parts))
        values: dict[Facet, tuple[str, ...]] = {
            "category": (one.category,),
            "tag": tuple(dict.fromkeys(one.tags)),
            "origin": (one.origin,),
        }
        for facet in FACETS:
            for value in filter(None, values[facet]):
                document.add_text(facet, value)
        document.add_boolean("featured", one.featured)
        document.add_boolean("listed", one.listed)
        return document

    # ---- what is looked for

    def _query(self, wanted: _Asked, each: Occur) -> Query:
        """Return what fits, with its score: with `each` word, or with any."""
        must = [_scored(one, 0.0) for one in self._chosen(wanted, None)]
        words, joined = _with_joined(wanted.words)
        must.append(_of(each, map(self._word, words, joined, _typos(wanted))))
        parts = [(Occur.Must, one) for one in must]
        featured = _scored(_is(self._schema, "featured"), _FEATURED)
        parts.append((Occur.Must if wanted.featured else Occur.Should, featured))
        return Query.boolean_query(parts)

    def _filter(self, wanted: Search, without: Facet | None, each: Occur) -> Query:
        """Return the same without scores, and without the choice in one facet."""
        must = self._chosen(wanted, without)
        if wanted.words:
            words, joined = _with_joined(wanted.words)
            must.append(_of(each, map(self._somehow, words, joined, _typos(wanted))))
        if wanted.featured:
            must.append(_is(self._schema, "featured"))
        return Query.boolean_query([(Occur.Must, one) for one in must])

    def _chosen(self, wanted: Search, without: Facet | None) -> list[Query]:
        schema = self._schema
        seen = _is(schema, "listed")
        if wanted.name:
            seen = _any(seen, Query.term_query(schema, "whole", wanted.name))
        must = [seen]
        for facet, values in wanted.only.items():
            if values and facet != without:
                must.append(_any(*(Query.term_query(schema, facet, value) for value in values)))
        return must

    def _somehow(self, word: str, joined: tuple[str, ...], distance: int = 0) -> Query:
        """Return where `_word` finds anything."""
        schema = self._schema
        ways = [_begins(schema, "anywhere", word, 0)]
        ways += [_begins(schema, "called", one, 0) for one in joined]
        ways += [Query.term_query(schema, "called", other) for other in _others(word, joined)]
        if distance:
            ways.append(_begins(schema, "called", word, distance))
        return _any(*ways)

    def _word(self, word: str, joined: tuple[str, ...], distance: int) -> Query:
        """Return where a word is, or one that it makes with its neighbour, or that means it.

        With a distance, so many letters of it may be wrong.
        """
        schema = self._schema
        ways = [self._fits(word)]
        for one in joined:
            ways.append(_scored(Query.term_query(schema, "called", one), _JOINED))
            ways.append(_scored(_begins(schema, "called", one, 0), _JOINED * _SYNONYM))
        ways.append(_scored(Query.term_query(schema, "whole", canonical(word)), _EXACTLY))
        ways += [
            _scored(Query.term_query(schema, field, other), _WHOLE[field] * _SYNONYM)
            for other in _others(word, joined)
            for field in _ALIKE
        ]
        if distance:
            ways += [
                _scored(_begins(schema, field, word, distance), score)
                for field, score in _ALIKE.items()
            ]
        return Query.disjunction_max_query(ways)

    def _fits(self, word: str) -> Query:
        schema = self._schema
        ways = [
            _scored(Query.term_query(schema, field, word), score) for field, score in _WHOLE.items()
        ]
        ways += [
            _scored(_begins(schema, field, word, 0), score) for field, score in _BEGINS.items()
        ]
        return Query.disjunction_max_query(ways, _BESIDES)

    def _counted(
        self, searcher: tantivy.Searcher, wanted: Search, each: Occur = Occur.Must
    ) -> dict[Facet, tuple[Count, ...]]:
        # Facets in which nothing was chosen count the same, all at once.
        free = [facet for facet in FACETS if not wanted.only.get(facet)]
        found: dict[str, Any] = {}
        if free:
            found |= searcher.aggregate(self._filter(wanted, None, each), _terms(free))
        for facet in FACETS:
            if facet not in free:
                found |= searcher.aggregate(self._filter(wanted, facet, each), _terms([facet]))
        counts: dict[Facet, tuple[Count, ...]] = {}
        for facet in FACETS:
            values = [
                Count(value=str(bucket["key"]), count=int(bucket["doc_count"]))
                for bucket in found[facet]["buckets"]
            ]
            counts[facet] = tuple(sorted(values, key=lambda one: (-one.count, one.value)))
        return counts


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("number", indexed=True, fast=True)
    builder.add_text_field("whole", fast=True, tokenizer_name="raw", index_option="basic")
    for field in (*_TEXTS, *_TOGETHER):
        builder.add_text_field(field, tokenizer_name="whitespace", index_option="basic")
    for facet in FACETS:
        builder.add_text_field(facet, fast=True, tokenizer_name="raw", index_option="basic")
    builder.add_boolean_field("featured", indexed=True)
    builder.add_boolean_field("listed", indexed=True)
    return builder.build()


def _scored(query: Query, score: float) -> Query:
    return Query.const_score_query(query, score)


def _is(schema: tantivy.Schema, mark: str) -> Query:
    return Query.term_query(schema, mark, field_value=True)


def _any_of(searcher: tantivy.Searcher, all_of: Iterable[Query]) -> bool:
    """Return whether anything fits all of these."""
    query = Query.boolean_query([(Occur.Must, one) for one in all_of])
    return bool(searcher.search(query, limit=1, count=False).hits)


def _typos(wanted: Search) -> list[int]:
    """Return of each word how many of its letters may be wrong."""
    misspelt = wanted.misspelt if isinstance(wanted, _Asked) else frozenset()
    return [wording.typos(word) if word in misspelt else 0 for word in wanted.words]


def _total(found: tantivy.SearchResult) -> int:
    """Return how many fit, listed among the hits or not; the engine's stubs forget it."""
    return int(found.count)  # type: ignore[attr-defined]


def _begins(schema: tantivy.Schema, field: str, word: str, distance: int) -> Query:
    return Query.fuzzy_term_query(schema, field, word, distance=distance, prefix=True)


def _terms(facets: Iterable[Facet]) -> dict[str, Any]:
    return {facet: {"terms": {"field": facet, "size": _FACET_VALUES}} for facet in facets}


def _any(*queries: Query) -> Query:
    return Query.boolean_query([(Occur.Should, one) for one in queries])


def _of(each: Occur, queries: Iterable[Query]) -> Query:
    return Query.boolean_query([(each, one) for one in queries])


def _with_joined(words: Sequence[str]) -> tuple[Sequence[str], list[tuple[str, ...]]]:
    """Return the words, and beside them what each makes with its neighbours."""
    return words, [wording.joined(words, at) for at in range(len(words))]


def _others(word: str, joined: Iterable[str]) -> tuple[str, ...]:
    """Return what else is called by a word, or by what it makes with its neighbours."""
    found = (other for one in (word, *joined) for other in wording.synonyms(one))
    return tuple(dict.fromkeys(found))
