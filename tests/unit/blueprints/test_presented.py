"""What people are shown of a Blueprint: what would be missing, or stand there unreplaced."""

from __future__ import annotations

from itertools import product

import pytest
from tests.support.blueprints import DOCUMENT, MANIFEST, package
from tests.support.each import each

from catalyst.blueprints.findings import Severity
from catalyst.blueprints.lint import lint

WEB = "- {name: web, hostnameTemplate: '{app}.{environment}.{domain}', launchDefault: true}"


def told(document: str, **files: str) -> list[tuple[str, str, int, str]]:
    found = lint(package(document, MANIFEST, **files)).findings
    assert all(one.fix and one.file == "blueprint.yaml" and one.column for one in found)
    return [(one.severity.value, one.rule, one.line, one.pointer) for one in found]


def line(document: str, part: str) -> int:
    return document[: document.index(part)].count("\n") + 1


def test_what_is_right_is_told_nothing() -> None:
    card = "title: Wiki\n    icon: ./icon.svg\n    screenshots: [shots/one.png]"
    document = DOCUMENT.replace("title: Wiki", card)
    document += f"  endpoints:\n    {WEB}\n    - {{name: api, hostnameTemplate: a.example.com}}\n"
    document += "  multiInstance: {enabled: true, namingTemplate: '{app}-db-{n}'}\n"
    assert told(document, **{"icon.svg": "<svg/>", "shots__one.png": "x"}) == []


@each(
    product(
        ["icon: {}", "screenshots: [{}]"],
        ["icon.svg", "https://example.com/icon.svg", "../icon.svg"],
    )
)
def test_a_file_that_the_card_names_and_is_not_there_is_told(field: str, name: str) -> None:
    document = DOCUMENT.replace("title: Wiki", f"title: Wiki\n    {field.format(name)}")
    pointer = "/spec/card/icon" if field.startswith("icon") else "/spec/card/screenshots/0"
    assert told(document) == [("warning", "card.file", line(document, field[:4]), pointer)]


def test_endpoints_of_one_name_are_refused_at_the_second() -> None:
    document = DOCUMENT + "  endpoints:\n"
    document += "    - {name: web, hostnameTemplate: a.example.com}\n" * 2
    at = "/spec/endpoints/1/name"
    assert told(document) == [("error", "endpoints.name", document.count("\n"), at)]


def test_only_one_endpoint_opens_first() -> None:
    document = DOCUMENT + f"  endpoints:\n    {WEB}\n    {WEB.replace('web', 'api')}\n"
    document += "    - {name: more, hostnameTemplate: a.example.com, launchDefault: false}\n"
    at = "/spec/endpoints/1/launchDefault"
    assert told(document) == [("error", "endpoints.launch-default", document.count("\n") - 1, at)]


@each(["{tenant}", "{{.App}}", "{App}", "{ app }", "${{ application.name }}", "{}", "{app"])
def test_what_no_one_replaces_in_a_name_is_told(odd: str) -> None:
    document = DOCUMENT + f"  endpoints:\n    {WEB.replace('{app}', odd)}\n"
    (found,) = lint(package(document)).findings
    assert (found.severity, found.rule) == (Severity.WARNING, "text.placeholder")
    assert found.pointer == "/spec/endpoints/0/hostnameTemplate"
    assert found.message.startswith(odd)
    assert "{domain}" in found.fix
    naming = DOCUMENT + f"  multiInstance: {{enabled: true, namingTemplate: '{odd}-db'}}\n"
    (found,) = lint(package(naming)).findings
    assert (found.rule, "{n}" in found.fix) == ("text.placeholder", True)


@pytest.mark.parametrize("text", ["Wiki of ${{ config.theme }}", "'{{ .config.theme }}'"])
def test_an_expression_in_a_text_is_told_and_braces_alone_are_not(text: str) -> None:
    document = DOCUMENT.replace("title: Wiki", "title: Wiki\n    tags: [plain, '{}']\n")
    assert told(document) == []
    document = DOCUMENT.replace("title: Wiki", f"title: Wiki\n    summary: {text}")
    assert told(document) == [
        ("warning", "text.placeholder", line(document, "summary"), "/spec/card/summary")
    ]
    document = DOCUMENT + f"  consoleUI:\n    sidebarLabel: {text}\n"
    assert [one[1] for one in told(document)] == ["text.placeholder"]


def test_each_further_endpoint_that_opens_is_told_which_one_does() -> None:
    more = [WEB, WEB.replace("web", "api"), WEB.replace("web", "more")]
    document = DOCUMENT + "  endpoints:\n" + "".join(f"    {one}\n" for one in more)
    found = lint(package(document)).findings
    assert [one.message.split(" ")[0] for one in found] == ["web", "web"]


def odd(document: str) -> list[tuple[str, str]]:
    """Return place and words of each placeholder that is told."""
    found = lint(package(document)).findings
    return [(one.pointer, one.message.partition(" is ")[0]) for one in found]


def test_the_words_of_a_host_and_those_of_a_name_are_these() -> None:
    host = "{app}{environment}{env_type}{organization}{region}{domain}"
    name = "{app}{environment}{env_type}{organization}{n}"
    document = DOCUMENT + "  endpoints:\n    - {name: web, hostnameTemplate: '%s'}\n"
    document += "  multiInstance: {enabled: true, namingTemplate: '%s'}\n"
    assert odd(document % (host, name)) == []
    at, there = "/spec/endpoints/0/hostnameTemplate", "/spec/multiInstance/namingTemplate"
    assert odd(document % (name, host)) == [(at, "{n}"), (there, "{region}"), (there, "{domain}")]
    # Each is told once, and what is open or closed alone as well.
    assert odd(document % ("{x}{x}-{y}}", "a}")) == [(at, "{x}"), (at, "{y}}"), (there, "}")]


def test_all_texts_of_the_card_and_the_console_are_looked_at() -> None:
    at = "title: Wiki\n    tags: [a, 'b ${{ x }}']\n    description: 'from {{ y'"
    document = DOCUMENT.replace("title: Wiki", at) + "  consoleUI: {sidebarIcon: '{{z}}'}\n"
    assert odd(document) == [
        ("/spec/card/tags/1", "${{ x }}"),
        ("/spec/card/description", "{{ y"),
        ("/spec/consoleUI/sidebarIcon", "{{z}}"),
    ]
