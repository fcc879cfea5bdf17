"""Finds text that would reach a widget as markup, or a terminal as it came: a lint over the sources of the deck.

Textual reads markup in a plain `str` almost everywhere. The rules, each held without exception:

1. What is given to a widget is *made*: by a call of safe_text's functions, of `Content` or `Text`, of a method of what
   is made, or of a function, method or attribute that the project annotates as `Content` or `Text`. A literal without
   `[` is made too. A local name is made when everything assigned to it is, or its annotation says so.
2. A widget's `render` says in its annotation that it returns something made.
3. `Content` and `Text` are not built of what came from outside, neither of a parameter nor of an attribute: safe_text
   does that.
4. No `Markdown`, `DataTable`, `markup=True`, `rich.markup`, `textual.markup`, `Text.from_markup`; and
   `Content.from_markup` only with a literal.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

DOOR = frozenset(["plain", "identifier", "paragraphs", "line"])
MADE_TYPES = frozenset(["Content", "Text", "Strip", "Strips", "Visual"])
TEXT_TYPES = frozenset(["str", "object", "Any", "RenderableType", "RenderResult", "VisualType"])

# Where the first argument, and these keywords, become markup.
WIDGETS = {
    **dict.fromkeys(["Static", "Label", "Link"], ("content", "text")),
    **dict.fromkeys(["Button", "Checkbox", "RadioButton", "ToggleButton", "Tab", "Tree"], ("label",)),
    **dict.fromkeys(["Option", "Selection"], ("prompt",)),
    **dict.fromkeys(["TabPane", "Collapsible"], ("title",)),
    **dict.fromkeys(["Hit", "DiscoveryHit"], ("match_display", "display", "help")),
    **dict.fromkeys(["add_option", "add_leaf", "set_label", "replace_option_prompt"], ("label", "item")),
}
BEFORE_TEXT = {"Hit": 1, "replace_option_prompt": 1}  # arguments before the one that is shown
PAIRS = frozenset(["Select", "SelectionList"])  # their options are tuples that begin with the text
AMBIGUOUS = frozenset(
    ["update", "add", "write"]
)  # also methods of sets and hashes: only what is plainly a str is refused
ASSIGNED = frozenset(["border_title", "border_subtitle", "tooltip", "BORDER_TITLE", "BORDER_SUBTITLE"])
FORBIDDEN_NAMES = frozenset(["Markdown", "MarkdownViewer", "DataTable"])
FORBIDDEN_MODULES = frozenset(["rich.markup", "textual.markup"])
STR_MAKERS = frozenset(["_", "plural", "clean", "str", "repr", "format", "join"])

Function = ast.FunctionDef | ast.AsyncFunctionDef
Judge = Callable[[ast.expr], bool]


@dataclass(frozen=True)
class Finding:
    """A place in a file and what is wrong there."""

    file: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}"


@dataclass
class Annotations:
    """What the project says of its names: made only if every annotation of the name says so.

    A private name counts in its own file.
    """

    verdicts: dict[tuple[str, str], set[bool]] = field(default_factory=lambda: defaultdict(set))

    def learn(self, file: str, tree: ast.AST) -> None:
        for node in ast.walk(tree):
            if isinstance(node, Function):
                self.verdicts[self._key(file, node.name)].add(_made_type(node.returns))
            elif isinstance(node, ast.AnnAssign):
                self.verdicts[self._key(file, _name(node.target))].add(_made_type(node.annotation))

    def made(self, file: str, name: str) -> bool:
        return self.verdicts.get(self._key(file, name)) == {True}

    @staticmethod
    def _key(file: str, name: str) -> tuple[str, str]:
        return (file if name.startswith("_") else "", name)


def find(sources: dict[str, str]) -> list[Finding]:
    """Return what breaks the rules in the sources, which are given by file name."""
    trees = {file: ast.parse(source) for file, source in sources.items()}
    annotations = Annotations()
    for file, tree in trees.items():
        annotations.learn(file, tree)
    found: list[Finding] = []
    for file, tree in trees.items():
        found += _Checker(file, annotations).check(tree)
    return found


class _Checker:
    def __init__(self, file: str, annotations: Annotations) -> None:
        self.file = file
        self.annotations = annotations
        self.function: Function | None = None
        self.is_door = file.endswith("widgets/safe_text.py")

    def check(self, tree: ast.AST) -> Iterator[Finding]:
        outer = self.function
        for node in ast.iter_child_nodes(tree):
            if isinstance(node, Function):
                self.function = node
                if node.name == "render" and not _made_type(node.returns):
                    yield self._finding(node, "render must be annotated to return Content or Text")
            yield from self._check_node(node)
            yield from self.check(node)
            self.function = outer

    def _check_node(self, node: ast.AST) -> Iterator[Finding]:
        match node:
            case ast.ImportFrom(module=module) if module in FORBIDDEN_MODULES:
                yield self._finding(node, f"{module} is not used: escaping is no cure")
            case ast.ImportFrom(names=names) | ast.Import(names=names):
                for each in names:
                    if each.name in FORBIDDEN_NAMES or each.name in FORBIDDEN_MODULES:
                        yield self._finding(node, f"{each.name} is not used: it reads markup")
            case ast.Call():
                yield from self._check_call(node)
            case ast.Assign(targets=[target], value=value) if _name(target) in ASSIGNED:
                yield from self._must_be_made(value, _name(target))

    def _check_call(self, call: ast.Call) -> Iterator[Finding]:
        name = _name(call.func)
        if any(each.arg == "markup" and not _is_false(each.value) for each in call.keywords):
            yield self._finding(call, "markup=True reads markup")
        if name == "from_markup":
            literal = call.args and isinstance(call.args[0], ast.Constant)
            if _owner(call.func) != "Content" or not literal:
                yield self._finding(call, "from_markup takes a literal, and only Content's fills its $names harmlessly")
        elif name in WIDGETS:
            place = BEFORE_TEXT.get(name, 0)
            keywords = (each.value for each in call.keywords if each.arg in WIDGETS[name])
            first = call.args[place : place + 1] if name != "Collapsible" else []  # which holds other widgets
            for shown in (*first, *keywords):
                yield from self._must_be_made(shown, name)
        elif name in PAIRS:
            for pair in (node for node in ast.walk(call) if isinstance(node, ast.Tuple) and node.elts):
                yield from self._must_be_made(pair.elts[0], name)
        elif name in AMBIGUOUS and call.args and _plainly_str(call.args[0]):
            yield from self._must_be_made(call.args[0], name)
        for each in call.keywords:
            if each.arg == "tooltip":
                yield from self._must_be_made(each.value, "tooltip")
        if not self.is_door:
            yield from self._check_constructor(call)

    def _check_constructor(self, call: ast.Call) -> Iterator[Finding]:
        if _constructs(call):
            texts: Iterable[ast.expr] = call.args[:1]
        elif _name(call.func) == "assemble" and _owner(call.func) in MADE_TYPES:
            texts = (each.elts[0] if isinstance(each, ast.Tuple) and each.elts else each for each in call.args)
        else:
            return
        for text in texts:
            if not self._ours(text) and not self._made(text):
                yield self._finding(call, "Content and Text of what may come from outside are made by safe_text")

    def _must_be_made(self, expression: ast.expr, sink: str) -> Iterator[Finding]:
        if not self._made(expression):
            yield self._finding(expression, f"{sink} gets {ast.unparse(expression)}, which may be a str: see safe_text")

    def _made(self, node: ast.expr) -> bool:
        """Whether an expression is Content or Text for certain, or a literal without markup."""
        match node:
            case ast.Constant(value=value):
                return not isinstance(value, str) or "[" not in value
            case ast.IfExp(body=one, orelse=other):
                return self._made(one) and self._made(other)
            case ast.BoolOp(values=values):
                return all(map(self._made, values))
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self._made(left) and self._made(right)
            case ast.NamedExpr(value=value) | ast.Await(value=value) | ast.Starred(value=value):
                return self._made(value)
            case ast.Call(func=ast.Name(id=name)):
                return name in DOOR or name in MADE_TYPES or self._annotated(name)
            case ast.Call(func=ast.Attribute(value=owner, attr=name)):
                return _owner(node.func) in MADE_TYPES or self._annotated(name) or self._made_object(owner)
            case ast.Name(id=name):
                return self._holds(name, self._made)
            case ast.Attribute(attr=name):
                return self._annotated(name)
        return False

    def _annotated(self, name: str) -> bool:
        return self.annotations.made(self.file, name)

    def _made_object(self, node: ast.expr) -> bool:
        """Whether the owner of a method is Content: a method of a literal gives a str again."""
        return not isinstance(node, ast.Constant) and self._made(node)

    def _ours(self, node: ast.expr) -> bool:
        """Whether a str holds nothing from outside: a literal, what a function made, a sign, the text of Content."""
        match node:
            case ast.Constant() | ast.Call():
                return True
            case ast.JoinedStr(values=values):
                return all(map(self._ours, values))
            case ast.FormattedValue(value=value, format_spec=spec):
                return self._ours(value) or (spec is not None and _of_a_number(spec))
            case ast.BinOp(left=left, op=ast.Mult(), right=right):  # blanks, as many as something says
                return self._ours(left) or self._ours(right)
            case ast.BinOp(left=left, right=right):
                return self._ours(left) and self._ours(right)
            case ast.IfExp(body=one, orelse=other):
                return self._ours(one) and self._ours(other)
            case ast.Attribute(attr="plain"):
                return True
            case ast.Attribute():
                return "glyphs" in ast.unparse(node).split(".")[:-1]
            case ast.Subscript(value=value):
                return self._ours(value)
            case ast.Name(id=name):
                return self._holds(name, self._ours)
        return False

    def _holds(self, name: str, judge: Judge) -> bool:
        """Whether a local name holds only what the judge accepts; of a parameter its annotation decides."""
        if self.function is None:
            return self._annotated(name)
        arguments = self.function.args
        for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
            if each.arg == name:
                return _made_type(each.annotation)
        values: list[bool] = []
        for node in ast.walk(self.function):
            match node:
                case ast.AnnAssign(target=ast.Name(id=found), annotation=annotation) if found == name:
                    values.append(_made_type(annotation))
                case ast.NamedExpr(target=ast.Name(id=found), value=value) if found == name and value is not None:
                    values.append(judge(value))
                case ast.Assign(targets=targets, value=value):
                    for target in targets:
                        values += _judged(name, target, value, judge)
                case ast.AugAssign(target=ast.Name(id=found), value=value) if found == name:
                    values.append(judge(value))
        return bool(values) and all(values)

    def _finding(self, node: ast.AST, what: str) -> Finding:
        return Finding(self.file, getattr(node, "lineno", 0), what)


def _judged(name: str, target: ast.expr, value: ast.expr, judge: Judge) -> Iterator[bool]:
    """The judge's word on what an assignment gives a name, alone or among others."""
    if isinstance(target, ast.Name) and target.id == name:
        yield judge(value)
    elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
        for one, its in zip(target.elts, value.elts, strict=True):
            yield from _judged(name, one, its, judge)
    elif isinstance(target, ast.Tuple) and any(_name(each) == name for each in target.elts):
        yield False


def _constructs(call: ast.Call) -> bool:
    """Whether a call is `Content(…)`, `Text(…)` or `Content.styled(…)`."""
    if isinstance(call.func, ast.Name):
        return call.func.id in ("Content", "Text")
    return _owner(call.func) == "Content" and _name(call.func) == "styled"


def _made_type(annotation: ast.expr | None) -> bool:
    """Whether an annotation means Content, or nothing, and never a str."""
    if annotation is None:
        return False
    words = {_name(node) for node in ast.walk(annotation) if isinstance(node, ast.Name | ast.Attribute)}
    return bool(words & MADE_TYPES) and not words & TEXT_TYPES and not _is_container(annotation)


def _is_container(annotation: ast.expr) -> bool:
    return isinstance(annotation, ast.Subscript)


def _of_a_number(spec: ast.expr) -> bool:
    """Whether a format is one that only numbers take: `{count:,}`, `{share:>4.0%}`, `{hour:02d}`."""
    return ast.unparse(spec).rstrip("'\"").endswith((",", "%", "d", "f"))


def _plainly_str(node: ast.expr) -> bool:
    match node:
        case ast.JoinedStr():
            return True
        case ast.Constant(value=str(text)):
            return "[" in text
        case ast.BinOp(left=left, right=right):
            return _plainly_str(left) or _plainly_str(right)
        case ast.Call(func=func):
            return _name(func) in STR_MAKERS and not _made_join(func)
    return False


def _made_join(func: ast.expr) -> bool:
    return isinstance(func, ast.Attribute) and isinstance(func.value, ast.Call) and _name(func.value.func) in MADE_TYPES


def _is_false(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is False


def _name(node: ast.AST) -> str:
    """The last part of a dotted name."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _owner(node: ast.AST) -> str:
    """What a dotted name's last part belongs to."""
    return _name(node.value) if isinstance(node, ast.Attribute) else ""
