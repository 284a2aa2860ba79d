"""Which messages a rule can make, read from its source.

A rule is a function of a service; what it makes are the calls of registered classes in it and in
the functions of Catalyst that it names. Nothing is run: a rule's outcome depends on state, but what
it may write is plain in its text.
"""

from __future__ import annotations

import ast
import functools
import inspect
import textwrap
from collections.abc import Callable, Iterator
from types import FunctionType, MethodType, ModuleType
from typing import Any

from catalyst.contracts.registry import BY_SHAPE


@functools.cache
def makes(rule: Callable[..., Any]) -> frozenset[type]:
    """Return the registered messages that a function may make, itself or through others."""
    found: set[type] = set()
    seen: set[FunctionType] = set()
    waiting: list[tuple[FunctionType, object]] = list(_functions(rule))
    while waiting:
        function, owner = waiting.pop()
        if function in seen:
            continue
        seen.add(function)
        for named, called in _named(function, owner):
            if called and isinstance(named, type) and named in BY_SHAPE:
                found.add(named)
            else:
                waiting += _functions(named)
    return frozenset(found)


def _functions(named: object) -> Iterator[tuple[FunctionType, object]]:
    """Return the function behind a value, if it is one of ours, with the object it is bound to."""
    owner = named.__self__ if isinstance(named, MethodType) else None
    function = named.__func__ if isinstance(named, MethodType) else named
    if isinstance(function, FunctionType) and function.__module__.startswith("catalyst."):
        yield function, owner


def _named(function: FunctionType, owner: object) -> Iterator[tuple[object, bool]]:
    """Return what a function's body names, and whether it calls it."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute):
            found = _resolve(node, function, owner)
            if found is not None:
                yield found, id(node) in called


def _resolve(node: ast.expr, function: FunctionType, owner: object) -> object:
    """Return what a name, `module.name` or `self.name` stands for, or None if that is not plain."""
    if isinstance(node, ast.Name):
        return function.__globals__.get(node.id)
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        if node.value.id == "self" and owner is not None:
            return getattr(owner, node.attr, None)
        module = function.__globals__.get(node.value.id)
        if isinstance(module, ModuleType):
            return getattr(module, node.attr, None)
    return None
