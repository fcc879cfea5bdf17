"""Every theme on what screens are built of: readable, in the terminal's own colours, and without any."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from rich.segment import Segment
from rich.style import Style
from textual.app import App, ComposeResult
from textual.color import Color
from textual.pilot import Pilot
from textual.widgets import Button, Checkbox, Input, Static
from textual.widgets.option_list import Option

from tests.unit.test_themes import COLOURED, NAMES, OF_THE_TERMINAL, THEMES, contrast
from tui.glyphs import ASCII, UNICODE, Glyphs
from tui.settings.themes import without_colour
from tui.widgets.choices import Choices
from tui.widgets.glyphs import glyphs
from tui.widgets.safe_text import line, plain
from tui.widgets.theming import phase_style, textual_theme

PHASES = ("Queued", "Initializing", "Running", "Completed", "Terminating", "Terminated", "Failed")
ROLES = ("primary", "secondary", "accent", "success", "warning", "error", "muted", "mark", "stale")
BARS = set("▌▐█▎▍▊▁▂▃▄▅▆▇")  # edges and scroll bars, not text

every_theme = pytest.mark.parametrize("name", NAMES)


class Page(App[None]):
    """One of everything: phases and roles on every ground, and Textual's own widgets."""

    CSS_PATH = "../../tui/widgets/theming.tcss"
    CSS = """
    .surface { background: $surface; }
    .panel { background: $panel; }
    .cursor { background: $cursor-ground; color: $cursor-text; text-style: $cursor-style; }
    Choices { height: 4; }
    """
    ENABLE_COMMAND_PALETTE = False

    def __init__(self, name: str, *, colour: bool = True) -> None:
        super().__init__(ansi_color=None if colour else True)
        for theme in THEMES.values():
            self.register_theme(textual_theme(theme if colour else without_colour(theme)))
        self.theme = name

    def compose(self) -> ComposeResult:
        for ground in ("background", "surface", "panel", "cursor"):
            yield Static(line(*((f"{phase} ", phase_style(phase)) for phase in (*PHASES, "Paused"))), classes=ground)
            yield Static(line("plain ", *((f"{role} ", f"${role}") for role in ROLES)), classes=ground)
        yield Input(placeholder="a placeholder", id="empty")
        yield Input("a value", id="filled")
        yield Checkbox(plain("a check"), value=True)
        yield Button(plain("No"), id="no")
        yield Button(plain("Stop"), id="stop", variant="error")
        yield Button(plain("Off"), id="off", disabled=True)
        options = [Option(line("option ", ("muted", "$muted"))), Option(plain("disabled option"), disabled=True)]
        yield Choices(*options, *(Option(plain(f"option {number}")) for number in range(9)))

    def on_mount(self) -> None:
        self.notify("told", markup=False)
        self.notify("refused", title="Title", severity="error", markup=False)


def segments(pilot: Pilot[None]) -> list[Segment]:
    """What goes to the terminal."""
    return [segment for strip in pilot.app.screen._compositor.render_strips() for segment in strip]


async def choose_first(pilot: Pilot[None]) -> None:
    """Go to the first option, as its keys would."""
    pilot.app.query_one(Choices).focus()
    await pilot.press("home")


def style_of(pilot: Pilot[None], text: str) -> Style:
    """The style in which the first such text is painted."""
    found = next(segment for segment in segments(pilot) if text in segment.text)
    assert found.style is not None
    return found.style


def texts(pilot: Pilot[None]) -> Iterator[tuple[str, str, str]]:
    """Every painted word with the colours of its letters and its ground, as `#rrggbb`."""
    for text, style, _control in segments(pilot):
        if text.strip() and not set(text.strip()) <= BARS and style is not None:
            assert style.color is not None
            assert style.bgcolor is not None
            pair = [colour.get_truecolor().hex for colour in (style.color, style.bgcolor)]
            yield text.strip(), *(reversed(pair) if style.reverse else pair)


@pytest.mark.parametrize("name", COLOURED)
async def test_every_word_on_the_screen_is_readable(name: str) -> None:
    async with Page(name).run_test(size=(130, 36), notifications=True) as pilot:
        for focus in ("#filled", "#stop", "Choices"):
            pilot.app.query_one(focus).focus()
            await pilot.pause()
            poor = {
                text: round(contrast(letters, ground), 2)
                for text, letters, ground in texts(pilot)
                if contrast(letters, ground) < (3 if text in ("Off", "disabled option", "a placeholder") else 4.5)
            }
            assert poor == {}, focus


@every_theme
async def test_a_phase_has_the_colour_of_the_theme(name: str) -> None:
    async with Page(name).run_test(size=(130, 36)) as pilot:
        for phase in PHASES:
            wanted = Color.parse(getattr(THEMES[name].phases, phase.lower()))
            assert style_of(pilot, f"{phase} ").color == wanted.rich_color
        assert style_of(pilot, "Paused").color == style_of(pilot, "muted").color


async def test_another_theme_is_put_on_at_once() -> None:
    async with Page("arkdeck-dark").run_test(size=(130, 36)) as pilot:
        for name in NAMES:
            pilot.app.theme = name
            await pilot.pause()
            background = style_of(pilot, "Running").bgcolor
            assert background is not None
            wanted = THEMES[name].background
            assert background.name == ("default" if THEMES[name].ansi else wanted)


@pytest.mark.parametrize("name", OF_THE_TERMINAL)
async def test_a_theme_of_the_terminal_sends_no_colour_of_its_own(name: str) -> None:
    async with Page(name).run_test(size=(130, 36), notifications=True) as pilot:
        pilot.app.query_one("#stop").focus()
        await pilot.pause()
        mixed = {
            text
            for text, style, _control in segments(pilot)
            if style and any(colour and colour.triplet for colour in (style.color, style.bgcolor))
        }
        assert mixed == set()


@pytest.mark.parametrize("name", OF_THE_TERMINAL)
async def test_in_the_terminal_s_colours_the_cursor_is_in_reverse(name: str) -> None:
    async with Page(name).run_test(size=(130, 36)) as pilot:
        await choose_first(pilot)
        chosen = [segment for segment in segments(pilot) if segment.style and segment.style.meta.get("option") == 0]
        assert "option muted" in "".join(segment.text for segment in chosen)
        looks = {(style.reverse, str(style.color), str(style.bgcolor)) for _text, style, _control in chosen if style}
        assert len(looks) == 1
        assert looks.pop()[0] is True
        assert [style.reverse for text, style, _control in segments(pilot) if "Failed" in text and style][-1] is True


@pytest.mark.parametrize("name", COLOURED)
async def test_elsewhere_the_cursor_has_its_ground(name: str) -> None:
    async with Page(name).run_test(size=(130, 36)) as pilot:
        await choose_first(pilot)
        style = style_of(pilot, "option ")
        assert style.bgcolor is not None
        assert (style.bgcolor.name, bool(style.reverse)) == (THEMES[name].cursor, False)


@every_theme
async def test_no_color_sends_none_and_shows_cursor_and_focus(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with Page(name, colour=False).run_test(size=(130, 36), notifications=True) as pilot:
        await choose_first(pilot)
        for _text, style, _control in segments(pilot):
            if style is not None:
                assert {colour.name for colour in (style.color, style.bgcolor) if colour} <= {"default"}
        assert style_of(pilot, "option ").reverse
        pilot.app.query_one("#stop").focus()
        await pilot.pause()
        assert style_of(pilot, "Stop").reverse
        assert not style_of(pilot, "No").reverse


@pytest.mark.parametrize("name", ["arkdeck-dark", "ansi-light"])
async def test_where_only_ascii_is_drawn_edges_and_scroll_bars_are_too(name: str) -> None:
    page = Page(name)
    page.add_class("-ascii")
    async with page.run_test(size=(130, 36), notifications=True) as pilot:
        await page.query_one(Checkbox).remove()  # Textual draws its box in blocks, so no screen has one
        for focus in ("#filled", "#stop", "Choices"):
            page.query_one(focus).focus()
            await pilot.pause()
            assert [segment.text for segment in segments(pilot) if not segment.text.isascii()] == []


# Signs


class SignPage(App[None]):
    """Draws a mark, as some widget would."""

    def __init__(self, chosen: Glyphs) -> None:
        super().__init__()
        self.glyphs = chosen

    def compose(self) -> ComposeResult:
        yield Static(plain(glyphs().mark))


@pytest.mark.parametrize("chosen", [UNICODE, ASCII], ids=["unicode", "ascii"])
async def test_signs_are_those_of_the_running_app(chosen: Glyphs) -> None:
    async with SignPage(chosen).run_test() as pilot:
        assert segments(pilot)[0].text[0] == chosen.mark


def test_without_an_app_signs_are_unicode_s() -> None:
    assert glyphs() is UNICODE
