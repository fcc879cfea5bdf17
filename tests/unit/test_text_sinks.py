"""No text of the deck can become markup: the lint over its sources, and the lint on good and bad lines."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.text_sinks import find

ROOT = Path(__file__).parents[2]
PLACES = ("tui/app.py", "tui/screens", "tui/widgets")


def sources() -> dict[str, str]:
    files = [
        file for place in PLACES for file in ([ROOT / place] if place.endswith(".py") else (ROOT / place).rglob("*.py"))
    ]
    return {str(file.relative_to(ROOT)): file.read_text("utf-8") for file in sorted(files)}


def test_the_deck_gives_no_str_to_a_widget() -> None:
    assert [str(each) for each in find(sources())] == []


def test_the_lint_reads_the_sources_of_the_deck() -> None:
    assert {"tui/app.py", "tui/widgets/safe_text.py"} <= set(sources())


def test_toasts_are_never_markup() -> None:
    """Rule 1 leaves `notify` alone, because the app's own never reads markup, whatever it is asked for."""
    app = ast.parse((ROOT / "tui/app.py").read_text("utf-8"))
    (notify,) = [node for node in ast.walk(app) if isinstance(node, ast.FunctionDef) and node.name == "notify"]
    (call,) = [
        node for node in ast.walk(notify) if isinstance(node, ast.Call) and ast.unparse(node.func) == "super().notify"
    ]
    assert {each.arg: ast.unparse(each.value) for each in call.keywords}["markup"] == "False"


# The lint itself

GOOD = [
    "yield Static(plain(job.name))",
    "yield Static()",
    "yield Static('', id=f'row-{number}')",
    "yield Static('a word')",
    "yield Static(line('name ', (job.name, '$muted')))",
    "yield Static(plain(a) if a else Content())",
    "yield Static(Content('\\n').join(rows))",
    "yield Static(plain(job.name).stylize('bold'))",
    "yield Button(plain(_('No')), id='no', variant='error')",
    "yield OptionList(Option(plain(name), id=name))",
    "yield Select([(plain(region), region) for region in regions])",
    "title = plain(name)\n    yield Static(title)",
    "title = plain(name)\n    title += plain(other)\n    yield Static(title)",
    "yield Static(heading())",
    "yield Static(self.heading)",
    "yield Static(shown)",
    "self.update(plain(text))",
    "self.update(text)\n    digest.update(b'x')\n    names.add(job.name)",
    "self.border_title = plain(job.name)",
    "yield Button(plain('x'), tooltip=plain(job.message))",
    "return Content.from_markup('[b]$name[/b]', name=job.name)",
    "return Content.styled(_('now'), '$muted')",
    "return Content(f'{count:,} of {human(count)}')",
    "return Content(clean(name))",
    "return Content(glyphs.mark)",
    "return Content(' ' * self.gap)",
    "yield Hit(score, plain(name), run, help=None)",
]

BAD = [
    "yield Static(job.name)",
    "yield Static(f'job {job.name}')",
    "yield Static('job ' + job.name)",
    "yield Static('[b]job[/b]')",
    "yield Static(_('job {name}', name=job.name))",
    "yield Static(clean(job.name))",
    "yield Static('{}'.format(job.name))",
    "yield Static(', '.join(names))",
    "yield Static(str(plain(job.name)))",
    "yield Static(plain(a) if a else b)",
    "yield Static(content=job.name)",
    "yield Label(job.name)",
    "yield Button(f'Stop {job.name}')",
    "yield Checkbox(label=job.name)",
    "yield OptionList(Option(job.name, id=job.id))",
    "menu.add_option(job.name)",
    "yield Select([(region, region) for region in regions])",
    "yield TabPane(job.name)",
    "yield Collapsible(Static(), title=job.name)",
    "tree.root.add_leaf(job.name)",
    "title = plain(a)\n    title = job.name\n    yield Static(title)",
    "title: str = job.name\n    yield Static(title)",
    "for name in names:\n        yield Static(name)",
    "yield Static(words())",
    "yield Static(self.words)",
    "yield Static(word)",
    "self.query_one(Static).update(f'{job.name}')",
    "log.write(_('told'))",
    "self.border_title = job.name",
    "self.tooltip = job.message",
    "yield Button(plain('x'), tooltip=job.message)",
    "yield Static(plain(a), markup=True)",
    "yield RichLog(markup=flag)",
    "return Content.from_markup(job.name)",
    "return Content.from_markup(f'[b]{job.name}[/b]')",
    "return Text.from_markup('[b]x[/b]')",
    "return Content(job.name)",
    "return Content(f'{job.name}')",
    "return Content(word)",
    "return Content.styled(job.name, '$muted')",
    "return Content.assemble('job ', (job.name, 'bold'))",
    "return Text(job.message)",
    "yield Hit(score, job.name, run)",
    "yield Hit(score, plain(name), run, help=job.message)",
    "from rich.markup import escape",
    "from textual.widgets import Markdown",
    "from textual.widgets import DataTable",
]

FRAME = """
class Page:
    heading: Content
    words: str

    def method(self, shown: Content, word: str):
        {}

def heading() -> Content: ...
def words() -> str: ...
"""


def findings(lines: str) -> list[str]:
    return [each.what for each in find({"page.py": FRAME.replace("{}", lines.replace("\n    ", "\n        "))})]


@pytest.mark.parametrize("lines", GOOD)
def test_what_is_harmless_passes(lines: str) -> None:
    assert findings(lines) == []


@pytest.mark.parametrize("lines", BAD)
def test_what_could_be_markup_is_found(lines: str) -> None:
    assert len(findings(lines)) == 1


def test_a_widget_that_renders_a_str_is_found() -> None:
    assert len(find({"a.py": "class Line(Widget):\n    def render(self) -> str: ..."})) == 1
    assert len(find({"a.py": "class Line(Widget):\n    def render(self) -> RenderResult: ..."})) == 1
    assert find({"a.py": "class Line(Widget):\n    def render(self) -> Content: ..."}) == []


def test_a_function_of_another_file_counts_by_its_annotation() -> None:
    page = "class Page:\n    def compose(self):\n        yield Static(heading())"
    assert find({"page.py": page, "parts.py": "def heading() -> Content: ..."}) == []
    assert len(find({"page.py": page, "parts.py": "def heading() -> str: ..."})) == 1


def test_a_name_that_also_means_a_str_elsewhere_is_not_trusted() -> None:
    page = "class Page:\n    title: Content\n    def compose(self):\n        yield Static(self.title)"
    assert find({"page.py": page}) == []
    assert len(find({"page.py": page, "job.py": "class Job:\n    title: str"})) == 1


def test_a_finding_names_its_place() -> None:
    (found,) = find({"tui/page.py": "x = 1\nwidget.tooltip = job.name"})
    assert str(found) == "tui/page.py:2: tooltip gets job.name, which may be a str: see safe_text"
