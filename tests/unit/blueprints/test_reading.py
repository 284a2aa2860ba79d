"""What an expression reads is there: told where it stands, and nothing that is there is missed."""

from __future__ import annotations

import json
from typing import Any

from tests.support.blueprints import DOCUMENT, MANIFEST, package
from tests.support.each import each

from catalyst.blueprints.lint import lint

CLOSED = {"type": "object", "additionalProperties": False}
TEXT = {"type": "string"}
HOST = {"type": "object", "properties": {"host": TEXT}}
PORT = {"type": "object", "properties": {"port": TEXT}}
HEAD, _, REST = DOCUMENT.partition("  configSchema:\n")
DEPENDS = REST[REST.index("  depends:") :].replace(
    "      when: \"{{ .config.postgres.mode == 'embedded' }}\"\n", ""
)


def missing(schema: dict[str, Any], read: str) -> list[str]:
    """Return what a manifest reads that is not there, and where that is told."""
    document = f"{HEAD}  configSchema: {json.dumps({'type': 'object', **schema})}\n{DEPENDS}"
    manifest = MANIFEST.replace("config.replicas", read)
    return [
        f"{one.message.removeprefix('there is no ').partition(',')[0]} at {one.column}"
        for one in lint(package(document, manifest)).findings
        if one.rule == "expression.unknown"
    ]


def has(**properties: Any) -> dict[str, Any]:
    return {"properties": properties}


@each(
    [
        ({}, "environment.nam", "environment.nam"),
        ({}, "application.nam", "application.nam"),
        ({}, "size(application.dependencies.cache)", "a dependency with the alias cache"),
        ({}, "application.dependencies.cache.host", "a dependency with the alias cache"),
        ({}, "application.dependencies.db.port", "application.dependencies.db.port"),
        ({}, "config.host", "config.host"),
        (has(smtp=HOST), "config.host", "config.host"),
        (has(smtp=HOST), "config.smtp.port", "config.smtp.port"),
        (has(smtp={**HOST, **CLOSED}), "config.smtp.port", "config.smtp.port"),
        (has(smtp=has(relay=HOST)), "config.smtp.relay.port", "config.smtp.relay.port"),
        (has(smtp=has(relay=HOST)), "config.smtp.port.host", "config.smtp.port"),
        ({"allOf": [has(smtp=HOST), has(smtp=PORT)]}, "config.smtp.user", "config.smtp.user"),
        (has(list={"type": "array", "items": HOST}, smtp=HOST), "config.smtp.to", "config.smtp.to"),
    ]
)
def test_what_is_never_there_is_told(schema: dict[str, Any], read: str, name: str) -> None:
    assert missing(schema, read) == [f"{name} at 18"]


@each(
    [
        ({}, "environment.name"),
        ({}, "size(application.dependencies)"),
        ({}, "application.dependencies.db.host"),
        ({}, "has(application.dependencies.db) ? 1 : 0"),
        ({}, "size(config)"),
        ({}, "size(environment)"),
        (has(smtp=HOST), "config.smtp.host"),
        (has(smtp={"type": "object"}), "config.smtp.anything.at.all"),
        (has(smtp={**HOST, "additionalProperties": True}), "config.smtp.port"),
        (has(smtp={**HOST, "additionalProperties": TEXT}), "config.smtp.port"),
        ({"additionalProperties": TEXT}, "config.anything"),
        ({"allOf": [{"additionalProperties": TEXT}, has(host=TEXT)]}, "config.anything"),
        *(({word: [has(host=TEXT)]}, "config.host") for word in ("allOf", "anyOf", "oneOf")),
        *(({word: has(host=TEXT)}, "config.host") for word in ("then", "else", "if")),
        *(
            ({**has(tls=TEXT), word: {"tls": has(host=TEXT)}}, "config.host")
            for word in ("dependentSchemas", "dependencies")
        ),
        ({"allOf": [has(smtp=HOST), has(smtp=PORT)]}, "config.smtp.host"),
        ({"allOf": [has(smtp=HOST), has(smtp=PORT)]}, "config.smtp.port"),
        ({**has(smtp=HOST), "anyOf": [has(smtp=has(relay=HOST))]}, "config.smtp.relay.host"),
    ]
)
def test_what_may_be_there_is_not_told(schema: dict[str, Any], read: str) -> None:
    assert missing(schema, read) == []
