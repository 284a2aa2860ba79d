"""Search with tantivy, in memory: one engine for each audience, a cache that is made again.

Nothing that a person types reaches a parser: queries are built of words. Scores are fixed numbers
by the field that fits, not statistics of all that is held.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import tantivy
from tantivy import Occur, Query

from catalyst.catalog_svc.domain import wording
from catalyst.catalog_svc.ports import FACETS, Count, Facet, Results, Search, Shown

_HEAP: Final = 15_000_000
"""Bytes of the writer; the least that the engine takes."""
_FACET_VALUES: Final = 100
"""Values of a facet that are counted, the most frequent first."""

_TEXTS: Final = ("name", "title", "tags", "summary", "description")
_WHOLE: Final = {"name": 100.0, "title": 50.0, "tags": 40.0, "summary": 15.0, "description": 8.0}
_BEGINS: Final = {"name": 60.0, "title": 30.0, "tags": 20.0, "summary": 6.0, "description": 3.0}
_ALIKE: Final = {"name": 12.0, "title": 10.0, "tags": 5.0}
_SYNONYM: Final = 0.6
"""What another word for it counts, of what the word itself would."""
_FEATURED: Final = 5.0
_EQUAL: Final = 0.01
"""Scores that differ by less are the same: sums of numbers that a machine rounds."""


class Tantivy:
    """Answers `ports.Shelf`."""

    def __init__(self) -> None:
        """Hold nothing."""
        self._schema = _schema()
        self._index = tantivy.Index(self._schema)
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
        query = self._query(wanted, ())
        hits = searcher.search(query, limit=len(self._held), count=False).hits
        facets = {facet: self._counted(searcher, wanted, facet) for facet in FACETS}
        names = self._named(searcher, hits, len(hits) if wanted.first is None else wanted.first)
        return Results(total=len(hits), names=names, facets=facets)

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
        texts = {
            "name": one.name.removeprefix("bp-"),
            "title": one.title,
            "tags": " ".join((one.category, *one.tags)),
            "summary": one.summary,
            "description": one.description,
        }
        for field, text in texts.items():
            # Cut into words here, as what is typed is: both sides cannot differ.
            document.add_text(field, " ".join(wording.words(text)))
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

    def _query(self, wanted: Search, without: tuple[Facet, ...]) -> Query:
        schema = self._schema
        seen = _is(schema, "listed")
        if wanted.name:
            seen = _any(seen, Query.term_query(schema, "whole", wanted.name))
        must = [_scored(seen, 0.0), *(self._word(word) for word in wanted.words)]
        for facet, values in wanted.only.items():
            if values and facet not in without:
                chosen = (Query.term_query(schema, facet, value) for value in values)
                must.append(_scored(_any(*chosen), 0.0))
        featured = _scored(_is(schema, "featured"), _FEATURED)
        parts = [(Occur.Must, one) for one in must]
        parts.append((Occur.Must if wanted.featured else Occur.Should, featured))
        return Query.boolean_query(parts)

    def _word(self, word: str) -> Query:
        schema = self._schema
        ways = [self._fits(word, 1.0)]
        ways += [
            _scored(Query.term_query(schema, field, other), _WHOLE[field] * _SYNONYM)
            for other in wording.synonyms(word)
            for field in _TEXTS
        ]
        distance = wording.typos(word)
        if distance:
            ways += [
                _scored(
                    Query.fuzzy_term_query(schema, field, word, distance=distance, prefix=True),
                    score,
                )
                for field, score in _ALIKE.items()
            ]
        return Query.disjunction_max_query(ways)

    def _fits(self, word: str, weight: float) -> Query:
        schema = self._schema
        ways = [
            _scored(Query.term_query(schema, field, word), score * weight)
            for field, score in _WHOLE.items()
        ]
        ways += [
            _scored(
                Query.fuzzy_term_query(schema, field, word, distance=0, prefix=True), score * weight
            )
            for field, score in _BEGINS.items()
        ]
        return Query.disjunction_max_query(ways)

    def _counted(
        self, searcher: tantivy.Searcher, wanted: Search, facet: Facet
    ) -> tuple[Count, ...]:
        asked = {facet: {"terms": {"field": facet, "size": _FACET_VALUES}}}
        found: dict[str, Any] = searcher.aggregate(self._query(wanted, (facet,)), asked)
        counts = [
            Count(value=str(bucket["key"]), count=int(bucket["doc_count"]))
            for bucket in found[facet]["buckets"]
        ]
        return tuple(sorted(counts, key=lambda one: (-one.count, one.value)))


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("number", indexed=True, fast=True)
    builder.add_text_field("whole", tokenizer_name="raw", index_option="basic")
    for field in _TEXTS:
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


def _any(*queries: Query) -> Query:
    return Query.boolean_query([(Occur.Should, one) for one in queries])
