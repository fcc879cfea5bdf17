"""Whatever a text from outside says, the screen shows it, and nothing else happens."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from rich.cells import cell_len
from textual.app import App, ComposeResult
from textual.content import Content
from textual.widgets import Button, Static
from textual.widgets.option_list import Option

from tests.hostile import ACTION, ALL, BY_THREAT, HARMFUL, named
from tui.settings.themes import load_themes
from tui.widgets.choices import Choices
from tui.widgets.safe_text import identifier, line, paragraphs, plain
from tui.widgets.theming import textual_theme

WIDTH = 80

every_threat = pytest.mark.parametrize("threat", BY_THREAT)


class Page(App[None]):
    """Shows texts in every kind of place that reads markup, each place one row high."""

    CSS = """
    Screen { overflow: hidden; }
    Static, Button { width: 1fr; height: 1; text-wrap: nowrap; }
    Choices { height: 1; scrollbar-size: 0 0; text-wrap: nowrap; }
    """
    CSS_PATH = "../../tui/widgets/theming.tcss"
    ENABLE_COMMAND_PALETTE = False
    AUTO_FOCUS = None

    def __init__(self, texts: list[str]) -> None:
        super().__init__()
        self.register_theme(textual_theme(load_themes().by_name["arkdeck-dark"]))
        self.theme = "arkdeck-dark"
        self.texts = texts
        self.touched = 0

    def compose(self) -> ComposeResult:
        for text in self.texts:
            yield Static(plain(text))
            yield Static(identifier(text))
            yield Static(line("name ", (text, "bold"), plain(text)))
            yield Static(paragraphs(text))
            yield Button(plain(text))
            yield Choices(Option(plain(text)))

    def action_quit(self) -> None:  # type: ignore[override]  # what an attack would call
        self.touched += 1

    def action_simulate_key(self, key: str) -> None:
        self.touched += 1

    def action_screenshot(self, filename: str | None = None, path: str | None = None) -> None:
        self.touched += 1


PLACES = 6


@every_threat
async def test_it_is_shown_in_rows_of_its_own_and_carries_nothing(threat: str) -> None:
    texts = BY_THREAT[threat]
    async with Page(texts).run_test(size=(WIDTH, PLACES * len(texts))) as pilot:
        strips = list(pilot.app.screen._compositor.render_strips())
        assert {sum(cell_len(segment.text) for segment in strip) for strip in strips} == {WIDTH}
        for segment in (segment for strip in strips for segment in strip):
            assert not HARMFUL & set(segment.text)
            assert segment.style is None or (segment.style.link is None and "@click" not in segment.style.meta)


async def test_a_click_on_it_runs_nothing() -> None:
    """Once on the text that is written, once where the text of the button would be."""
    async with Page([ACTION[1]]).run_test(size=(WIDTH, PLACES)) as pilot:
        for row in range(PLACES):
            assert await pilot.click(offset=(20, row))
            assert await pilot.click(offset=(1, row))
        assert pilot.app.touched == 0


async def test_the_clicks_would_run_what_markup_says() -> None:
    """The test above can fail: the same text given to a widget as a str is a button."""
    page = Page([])
    async with page.run_test(size=(WIDTH, 3)) as pilot:
        await page.mount(Static(ACTION[1]))
        await pilot.click(offset=(0, 0))
        assert page.touched == 1


@pytest.mark.parametrize("make", [plain, identifier, paragraphs, line])
@pytest.mark.parametrize("attack", ALL, ids=map(named, ALL))
def test_it_is_content_without_styles_of_its_own(make: Callable[[str], Content], attack: str) -> None:
    assert make(attack).spans == []


def test_markup_is_kept_to_the_letter() -> None:
    assert plain("tag [env=prod] a[/]b").plain == "tag [env=prod] a[/]b"


def test_one_line_stays_one_and_paragraphs_stay_several() -> None:
    assert plain("a\nb\tc").plain == "a⏎b c"
    assert paragraphs("a\r\nb\tc").plain == "a\nb    c"


def test_what_an_identifier_hides_is_spelled_out() -> None:
    assert identifier("adm\u200bin").plain == "adm\\u{200b}in"
    assert plain("adm\u200bin").plain == "admin"


def test_a_line_has_the_styles_that_were_asked_for_and_no_others() -> None:
    content = line("job ", ("[red]x[/]", "bold"), plain("\x1b[31m"), ("", "italic"))
    assert content.plain == "job [red]x[/]␛[31m"
    assert [(span.start, span.end, span.style) for span in content.spans if span.end > span.start] == [(4, 13, "bold")]


def test_a_long_text_is_cut_where_it_was_asked_to_be() -> None:
    assert plain("L" * 300, limit=256).plain == "L" * 256 + "…"
    assert len(plain("L" * 1_000_000)) == 4097
    assert len(identifier("L" * 1_000_000)) == 1025
    assert len(paragraphs("L" * 1_000_000)) == 65_537


def test_a_million_characters_take_no_time() -> None:
    text = "L" * 1_000_000
    began = time.process_time()
    plain(text), identifier(text), paragraphs(text)
    assert time.process_time() - began < 0.2
