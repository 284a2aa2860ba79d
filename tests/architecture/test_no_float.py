"""No float comes near money: neither a literal, nor the type, nor a division that makes one.

Services that count money are looked at whole. Of what people use and programs call, every module
that speaks of an amount is, the page's included; what says how long something waits is no money.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.each import each
from tools.files import ROOT

FLOATING = {"float", "round", "complex", "Decimal", "fsum", "truediv"}
CONTRACTS = ROOT / "contracts" / "src" / "catalyst" / "contracts"
PROVISIONING = sorted((ROOT / "services" / "provisioning").rglob("domain/*.py"))
# `codec.py` reads the numbers of all of JSON, and `gate.py` knows scores and hours.
MONEY = [
    *sorted((ROOT / "services" / "billing").rglob("*.py")),
    *sorted(path for path in CONTRACTS.rglob("*.py") if path.name != "codec.py"),
    *sorted((ROOT / "services" / "catalog-svc").rglob("prices.py")),
    *(path for path in PROVISIONING if path.name != "gate.py"),
    *sorted((ROOT / "projector" / "src").rglob("billing_*.py")),
    ROOT / "services" / "gateway" / "src" / "catalyst" / "gateway" / "using.py",
]
SPEAKING = re.compile(r"\b(minor|micro|money|Money|amount)\b")
DOORS = [
    path
    for place in ("cli", "client", "services/gateway", "services/provisioning", "projector")
    for path in sorted((ROOT / place / "src").rglob("*.py"))
    if path not in MONEY and SPEAKING.search(path.read_text("utf-8"))
]
PAGE = ROOT / "services" / "gateway" / "src" / "catalyst" / "gateway" / "static" / "js"
SCRIPTS = [path for path in sorted(PAGE.glob("*.js")) if SPEAKING.search(path.read_text("utf-8"))]
READ = {"money.js": ["Number("], "bills.js": ["Number(", "Number("]}
"""Where digits are read: an amount that has been looked at digit by digit, and a month."""


def floats(text: str, *, waits: bool = False) -> Iterator[str]:
    """Yield every place of a source where a float could come from.

    With `waits`, not those that say how long something waits: a parameter `timeout`, a constant of
    seconds.
    """
    tree = ast.parse(text)
    passed = {part for one in _waiting(tree) for part in ast.walk(one)} if waits else set()
    for node in ast.walk(tree):
        if node in passed:
            continue
        match node:
            case ast.Constant(value=float() | complex() as value):
                yield repr(value)
            case ast.Name(id=name) | ast.Attribute(attr=name) if name in FLOATING:
                yield name
            case ast.BinOp(op=ast.Div()) | ast.AugAssign(op=ast.Div()):
                yield "/"
            case ast.BinOp(op=ast.Pow(), right=ast.UnaryOp(op=ast.USub())):
                yield "** -"
            case _:
                pass


def _waiting(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        match node:
            case ast.AnnAssign(target=ast.Name(id=name)) if name.endswith("_SECONDS"):
                yield node
            case ast.arguments():
                known = [*node.posonlyargs, *node.args]
                defaults = [None] * (len(known) - len(node.defaults)) + [*node.defaults]
                pairs = [*zip(known, defaults, strict=True)]
                pairs += zip(node.kwonlyargs, node.kw_defaults, strict=True)
                for parameter, default in pairs:
                    if parameter.arg == "timeout":
                        yield from (parameter, *([default] if default is not None else ()))
            case _:
                pass


_STRIPPED = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/)
    |(?P<text>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
    |(?<=[(=,:!&|?;{}\[])\s*/(?![/*])(?:\\.|\[[^\]\n]*\]|[^/\\\n\[])+/[a-z]*""",
    re.DOTALL | re.VERBOSE,
)
"""Comments, texts and patterns: what a script does not count with."""
_COUNTED = re.compile(
    r"""(?<![\w$.])[0-9]*\.[0-9]+|\b[0-9]+e-?[0-9]+|parseFloat|toFixed|toPrecision|Number\(
    |Math\.(?:round|floor|ceil|trunc|fround)|\*\*\s*-|/|%|(?<=[(=,:?])\s*\+(?=[\w(])""",
    re.VERBOSE,
)


def counted(text: str) -> list[str]:
    """Return every place of a script where a number that is not whole could come from."""
    code = _STRIPPED.sub(" ", _outside_of_templates(text))
    return [found.strip() for found in _COUNTED.findall(code)]


def _outside_of_templates(text: str) -> str:
    """Return a script with what its templates write taken out, and what they count left in."""
    kept: list[str] = []
    depths: list[int] = []
    place, inside = 0, False
    while place < len(text):
        one = text[place]
        skipped = None if inside else _STRIPPED.match(text, place)
        if skipped is not None and one in "/\"'":
            kept.append(skipped.group())
            place = skipped.end()
            continue
        if one == "`":
            inside = not inside
        elif inside and one == "\\":
            place += 1
        elif inside and text.startswith("${", place):
            depths.append(0)
            inside, one, place = False, "(", place + 1
        elif depths and not inside and one in "{}":
            depths[-1] += 1 if one == "{" else -1
            if depths[-1] < 0:
                depths.pop()
                inside, one = True, ")"
        kept.append(one if not inside or one == ")" else "")
        place += 1
    return "".join(kept)


@pytest.mark.guarantee("G12.1")
@each(DOORS, lambda path: str(path.relative_to(ROOT)))
def test_no_float_is_near_an_amount_that_people_give_or_see(path: Path) -> None:
    assert list(floats(path.read_text("utf-8"), waits=True)) == []


@pytest.mark.guarantee("G12.1")
@each(SCRIPTS, lambda path: path.name)
def test_nothing_but_whole_numbers_is_near_an_amount_in_the_page(path: Path) -> None:
    text, known = path.read_text("utf-8"), READ.get(path.name, [])
    assert counted(text) == known
    # It was read to its end, as a script and not as part of a text.
    assert counted(f"{text}\nlast / 2;") == [*known, "/"]


@pytest.mark.parametrize(
    "text",
    ["x = 0.5", "x = .5", "x = 1e3", "y = x / 2", "x /= 2;", "x % 2", "f(+x)", "Number(x)",
     "parseFloat(x)", "x.toFixed(2)", "Math.round(x)", "10 ** -3", "`${x / 2} OMR`",
     "`${f({ a: x / 2 })}`", "`a` / 2", "(a) / 2", "a.b / c // d"],
)  # fmt: skip
def test_each_way_to_a_part_of_a_number_is_seen_in_a_script(text: str) -> None:
    assert counted(text) != []


@pytest.mark.parametrize(
    "text",
    ["x = 10 * y", "// 1/2", "/* 0.5 / 2 */", "f('a/b', \"0.5\")", "`a/b 0.5 ${x} / `", "a?.b",
     "x = /^a\\/b[/.]0.5/.exec(y)", "x - 1", "a.b.c1", "f(x) + 1", "`${a}/${b}`"],
)  # fmt: skip
def test_what_is_no_count_is_not_taken_for_one(text: str) -> None:
    assert counted(text) == []


@pytest.mark.guarantee("G12.1")
@each(MONEY, lambda path: str(path.relative_to(ROOT)))
def test_no_float_is_near_money(path: Path) -> None:
    assert list(floats(path.read_text("utf-8"))) == []


@pytest.mark.parametrize(
    "text",
    ["x = 0.5", "x = 1e3", "y = x / 2", "x /= 2", "float(x)", "round(x)", "x: float", "x = 10**-3"],
)
def test_each_way_to_a_float_is_seen(text: str) -> None:
    assert list(floats(text)) != []


def test_the_modules_are_all_there() -> None:
    assert len(MONEY) > 20
    assert all(path.is_file() for path in MONEY)
    assert {"voucher.py", "planshow.py"} <= {path.name for path in DOORS}
    assert {"money.js", "invoice.js", "balance.js"} <= {path.name for path in SCRIPTS}


def test_what_waits_is_no_money_and_all_else_is() -> None:
    timed = "A_SECONDS: Final = 1.5\ndef f(a, timeout: float = 0.5, *, b=1): ..."
    assert list(floats(timed, waits=True)) == []
    assert len(list(floats(timed))) == 3
    other = "A: Final = 1.5\ndef f(timeout: float, price: float = 0.5): return timeout / 2"
    assert sorted(floats(other, waits=True)) == ["/", "0.5", "1.5", "float"]
