"""Which messages a rule can make, with which codes it can refuse, and what a fold tells apart.

A rule is a function of a service; what it makes are the calls of registered classes in it and in
the functions of Catalyst that it names, and what it refuses with are the codes that stand there.
Nothing is run: a rule's outcome depends on state, but what it may write is plain in its text.
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
from catalyst.contracts.rejection import CODES


@functools.cache
def makes(rule: Callable[..., Any]) -> frozenset[type]:
    """Return the registered messages that a function may make, itself or through others."""
    return frozenset(message for message, called in _messages(rule) if called)


@functools.cache
def names(fold: Callable[..., Any]) -> frozenset[type]:
    """Return the registered messages that a function names, itself or through others."""
    return frozenset(message for message, _ in _messages(fold))


@functools.cache
def refuses(rule: Callable[..., Any]) -> frozenset[str]:
    """Return the codes that a function may refuse with, itself or through others.

    Also those that it gives for one of several errors, or looks for in what others answer.
    """
    return frozenset(code for function, _ in _reached(rule) for code in _codes(function))


def _messages(rule: Callable[..., Any]) -> set[tuple[type, bool]]:
    """Return the messages that a function and those behind it name, and whether they are called."""
    return {
        (named, called)
        for function, owner in _reached(rule)
        for named, called in _named(function, owner)
        if isinstance(named, type) and named in BY_SHAPE
    }


def _reached(rule: Callable[..., Any]) -> Iterator[tuple[FunctionType, object]]:
    """Return a function and all of ours behind it, with the objects they are bound to."""
    seen: set[FunctionType] = set()
    waiting: list[tuple[FunctionType, object]] = list(_functions(rule))
    while waiting:
        function, owner = waiting.pop()
        if function in seen:
            continue
        seen.add(function)
        yield function, owner
        for named, _ in _named(function, owner):
            waiting += _functions(named)


def _functions(named: object) -> Iterator[tuple[FunctionType, object]]:
    """Return the function behind a value, if it is one of ours, with the object it is bound to."""
    owner = named.__self__ if isinstance(named, MethodType) else None
    function = named.__func__ if isinstance(named, MethodType) else named
    if isinstance(function, FunctionType) and function.__module__.startswith("catalyst."):
        yield function, owner


def _named(function: FunctionType, owner: object) -> Iterator[tuple[object, bool]]:
    """Return what a function's body names, and whether it calls it."""
    for node, is_called in _written(function):
        found = _resolve(node, function, owner)
        if found is not None:
            yield found, is_called


@functools.cache
def _nodes(function: FunctionType) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function)))))


@functools.cache
def _codes(function: FunctionType) -> frozenset[str]:
    texts = {one.value for one in _nodes(function) if isinstance(one, ast.Constant)}
    return frozenset(text for text in texts if isinstance(text, str) and text in CODES)


@functools.cache
def _written(function: FunctionType) -> tuple[tuple[ast.Name | ast.Attribute, bool], ...]:
    """Return the names in a function's source, and whether each is called there."""
    nodes = _nodes(function)
    called = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
    return tuple(
        (node, id(node) in called) for node in nodes if isinstance(node, ast.Name | ast.Attribute)
    )


def _resolve(node: ast.expr, function: FunctionType, owner: object) -> object:
    """Return what a name or `name.attribute` stands for, or None if that is not plain.

    Known are the module's own names, `self`, and what the function closes over.
    """
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    closed = {name: cell.cell_contents for name, cell in cells}
    if isinstance(node, ast.Name):
        return closed.get(node.id, function.__globals__.get(node.id))
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        if node.value.id == "self" and owner is not None:
            return getattr(owner, node.attr, None)
        if node.value.id in closed:
            return getattr(closed[node.value.id], node.attr, None)
        module = function.__globals__.get(node.value.id)
        if isinstance(module, ModuleType):
            return getattr(module, node.attr, None)
    return None
