"""No float comes near money: neither a literal, nor the type, nor a division that makes one."""

import ast
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
]


def floats(text: str) -> Iterator[str]:
    """Yield every place of a source where a float could come from."""
    for node in ast.walk(ast.parse(text)):
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
