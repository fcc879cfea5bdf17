"""The shipped themes are readable by everyone, found in checkout and wheel; a broken one says what is wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from itertools import combinations
from pathlib import Path

import pytest

from tui.settings.themes import (
    Theme,
    ThemeError,
    default_theme_name,
    find_theme,
    load_theme,
    load_themes,
    without_colour,
)

CHECKOUT = Path(__file__).parents[2]
NAMES = [file.stem for file in sorted((CHECKOUT / "themes").glob("*.toml"))]
THEMES = load_themes().by_name
COLOURED = [name for name in NAMES if not THEMES[name].ansi]
OF_THE_TERMINAL = [name for name in NAMES if THEMES[name].ansi]
FOR_THE_COLOUR_BLIND = ["colourblind-dark", "colourblind-light"]

PLAIN_GROUNDS = ("background", "surface", "panel")
GROUNDS = (*PLAIN_GROUNDS, "cursor")
ROLES = ("primary", "secondary", "accent", "success", "warning", "error", "muted", "mark", "stale")

GOOD = (CHECKOUT / "themes" / "arkdeck-dark.toml").read_text("utf-8")

every_theme = pytest.mark.parametrize("name", NAMES)
every_coloured_theme = pytest.mark.parametrize("name", COLOURED)

# What those see who lack one kind of cone: G. M. Machado, M. M. Oliveira, L. A. F. Fernandes, "A Physiologically-based
# Model for Simulation of Color Vision Deficiency", 2009. The rows give red, green and blue of linear light.
SIGHT = {
    "all cones": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}

Triple = tuple[float, float, float]


def linear(colour: str) -> list[float]:
    """Red, green and blue of `#rrggbb` as amounts of light, 0 to 1."""
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    return [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]


def luminance(colour: str) -> float:
    """WCAG 2's relative luminance of `#rrggbb`."""
    red, green, blue = linear(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def seen(colour: str, sight: str) -> Triple:
    """The colour in Oklab as someone of that sight sees it."""
    light = linear(colour)
    red, green, blue = (min(1.0, max(0.0, sum(a * b for a, b in zip(row, light, strict=True)))) for row in SIGHT[sight])
    long = (0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue) ** (1 / 3)
    middle = (0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue) ** (1 / 3)
    short = (0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue) ** (1 / 3)
    return (
        0.2104542553 * long + 0.7936177850 * middle - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * middle + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * middle - 0.8086757660 * short,
    )


def difference(one: str, other: str, sight: str = "all cones") -> float:
    """How far two colours are from each other: 0.02 is just seen side by side, black and white are 1 apart."""
    pairs = zip(seen(one, sight), seen(other, sight), strict=True)
    return sum((a - b) ** 2 for a, b in pairs) ** 0.5


def phases(theme: Theme) -> dict[str, str]:
    return {key.removeprefix("phases."): colour for key, colour in theme.colours().items() if key.startswith("phases.")}


def below(theme: Theme, colours: dict[str, str], grounds: tuple[str, ...], least: float) -> dict[str, float]:
    """The contrasts that are too low, by colour and ground."""
    measured = {
        f"{key} on {ground}": round(contrast(colour, getattr(theme, ground)), 2)
        for key, colour in colours.items()
        for ground in grounds
    }
    return {where: value for where, value in measured.items() if value < least}


def test_the_measure_of_contrast_is_wcag_s() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_the_measure_of_difference_knows_what_the_colour_blind_confuse() -> None:
    assert difference("#000000", "#ffffff") == pytest.approx(1, abs=0.001)
    assert seen("#808080", "deuteranopia") == pytest.approx(seen("#808080", "all cones"), abs=0.001)
    for one, other, sight in [
        ("#c8553d", "#7f8a2a", "deuteranopia"),
        ("#8f5a00", "#5f6f00", "protanopia"),
        ("#56b4e9", "#4fc3b1", "tritanopia"),
    ]:
        assert difference(one, other) > 2 * difference(one, other, sight), sight


def test_there_is_a_theme_for_everyone() -> None:
    assert len([name for name in COLOURED if THEMES[name].dark]) >= 2
    assert len([name for name in COLOURED if not THEMES[name].dark]) >= 2
    assert {"high-contrast", "ansi-dark", "ansi-light", *FOR_THE_COLOUR_BLIND} <= set(NAMES)
    assert {"ansi-dark", "ansi-light"} == set(OF_THE_TERMINAL)


@every_coloured_theme
def test_the_ground_is_as_dark_as_the_theme_says(name: str) -> None:
    for ground in GROUNDS:
        assert (luminance(getattr(THEMES[name], ground)) < 0.18) is THEMES[name].dark


@every_coloured_theme
def test_text_is_readable(name: str) -> None:
    theme = THEMES[name]
    assert below(theme, {"foreground": theme.foreground}, PLAIN_GROUNDS, 7) == {}
    assert below(theme, {"cursor_text": theme.cursor_text}, ("cursor",), 7) == {}


@every_coloured_theme
def test_every_phase_and_role_is_readable_on_every_ground(name: str) -> None:
    theme = THEMES[name]
    colours = {role: getattr(theme, role) for role in ROLES} | phases(theme)
    assert len(colours) == 16
    assert below(theme, colours, GROUNDS, 7 if name == "high-contrast" else 4.5) == {}


@every_coloured_theme
def test_the_row_under_the_cursor_stands_out(name: str) -> None:
    theme = THEMES[name]
    assert contrast(theme.cursor, theme.background) >= 1.2
    assert difference(theme.cursor, theme.background) >= 0.06


@every_theme
def test_no_two_phases_have_one_colour(name: str) -> None:
    assert len(set(phases(THEMES[name]).values())) == 7


@every_coloured_theme
def test_no_two_phases_look_the_same(name: str) -> None:
    apart = {
        pair: difference(*(phases(THEMES[name])[phase] for phase in pair))
        for pair in combinations(phases(THEMES[name]), 2)
    }
    assert {pair: value for pair, value in apart.items() if value < 0.04} == {}


@every_coloured_theme
def test_what_matters_most_is_told_apart_at_a_glance(name: str) -> None:
    colours = phases(THEMES[name])
    for one, other in combinations(("failed", "running", "completed"), 2):
        assert difference(colours[one], colours[other]) >= 0.08, (one, other)


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("name", FOR_THE_COLOUR_BLIND)
def test_the_colour_blind_tell_phases_apart(name: str, sight: str) -> None:
    colours = phases(THEMES[name])
    for one, other in combinations(colours, 2):
        least = 0.15 if {one, other} <= {"failed", "running", "completed"} else 0.04
        assert difference(colours[one], colours[other], sight) >= least, (one, other)


@pytest.mark.parametrize("name", OF_THE_TERMINAL)
def test_a_theme_of_the_terminal_leaves_its_ground_alone(name: str) -> None:
    theme = THEMES[name]
    assert {getattr(theme, ground) for ground in PLAIN_GROUNDS} == {"ansi_default"}
    assert theme.foreground == "ansi_default"
    assert all(colour.startswith("ansi_") for colour in theme.colours().values())


@pytest.mark.parametrize(
    ("name", "poor"),
    [
        ("ansi-dark", {"black", "blue", "bright_black"}),
        ("ansi-light", {"white", "bright_white", "yellow", "bright_yellow"}),
    ],
)
def test_a_theme_of_the_terminal_avoids_what_most_terminals_show_poorly(name: str, poor: set[str]) -> None:
    used = {colour.removeprefix("ansi_") for colour in THEMES[name].colours().values()}
    assert used & poor == set()


# The operator's own


def test_an_operator_s_theme_joins_the_shipped_ones(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(GOOD, "utf-8")
    themes = load_themes(tmp_path)
    assert set(themes.by_name) == {*NAMES, "mine"}
    assert list(themes.by_name) == sorted(themes.by_name)
    assert themes.problems == ()


def test_an_operator_s_theme_replaces_the_shipped_one_of_its_name(tmp_path: Path) -> None:
    (tmp_path / "ember.toml").write_text(GOOD, "utf-8")
    assert load_themes(tmp_path).by_name["ember"].background == THEMES["arkdeck-dark"].background


def test_a_broken_theme_of_the_operator_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "good.toml").write_text(GOOD, "utf-8")
    (tmp_path / "broken.toml").write_text(GOOD.replace("accent", "acent"), "utf-8")
    (tmp_path / "ember.toml").write_bytes(b"\xff\xfe")
    themes = load_themes(tmp_path)
    assert set(themes.by_name) == {*NAMES, "good"}
    assert themes.by_name["ember"] == THEMES["ember"]
    assert [problem.message.split(":")[0] for problem in themes.problems] == [
        str(tmp_path / "broken.toml"),
        str(tmp_path / "ember.toml"),
    ]


def test_one_theme_is_found_without_the_others(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(GOOD, "utf-8")
    (tmp_path / "broken.toml").write_text(GOOD.replace("accent", "acent"), "utf-8")
    (tmp_path / "ember.toml").write_bytes(b"\xff\xfe")
    known = load_themes(tmp_path).by_name
    assert {name: find_theme(name, tmp_path) for name in known} == known
    assert [find_theme(name, tmp_path) for name in ("broken", "../mine", "")] == [None, None, None]


def test_no_folder_is_no_theme_of_one_s_own(tmp_path: Path) -> None:
    assert load_themes(tmp_path / "themes") == load_themes()


def test_what_a_file_leaves_out_is_derived(tmp_path: Path) -> None:
    left_out = ("muted", "cursor", "cursor_text", "mark", "stale")
    lines = [line for line in GOOD.split("\n") if line.split(" = ")[0] not in left_out]
    theme = theme_from(tmp_path, "\n".join(lines))
    assert {key: getattr(theme, key) for key in left_out} == {
        "muted": theme.secondary,
        "cursor": theme.panel,
        "cursor_text": theme.foreground,
        "mark": theme.accent,
        "stale": theme.warning,
    }


def test_the_example_of_the_manual_is_a_theme(tmp_path: Path) -> None:
    manual = (CHECKOUT / "docs" / "themes.md").read_text("utf-8")
    theme = theme_from(tmp_path, manual.split("```toml")[1].split("```")[0])
    colours = {role: getattr(theme, role) for role in ROLES} | phases(theme)
    assert below(theme, colours, GROUNDS, 4.5) == {}
    assert all(f"`{name}`" in manual for name in NAMES)


# Which one, and without colour


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({"TERM": "xterm-256color"}, "arkdeck-dark"),
        ({"TERM": "screen-256color"}, "arkdeck-dark"),
        ({"TERM": "xterm", "COLORTERM": "truecolor"}, "arkdeck-dark"),
        ({"TERM": "alacritty", "COLORTERM": "24bit"}, "arkdeck-dark"),
        ({"TERM": "xterm-kitty"}, "arkdeck-dark"),
        ({"TERM": "linux"}, "ansi-dark"),
        ({"TERM": "screen"}, "ansi-dark"),
        ({"TERM": "xterm-16color"}, "ansi-dark"),
        ({}, "ansi-dark"),
        ({"TERM": "xterm-256color", "COLORFGBG": "0;15"}, "arkdeck-light"),
        ({"TERM": "rxvt", "COLORFGBG": "0;default;7"}, "ansi-light"),
        ({"TERM": "xterm-256color", "COLORFGBG": "15;0"}, "arkdeck-dark"),
    ],
)
def test_the_first_theme_fits_the_terminal(environ: dict[str, str], name: str) -> None:
    assert default_theme_name(environ) == name
    assert name in THEMES


@every_theme
def test_without_colour_nothing_but_the_terminal_s_two_is_left(name: str) -> None:
    theme = without_colour(THEMES[name])
    assert set(theme.colours().values()) == {"ansi_default"}
    assert (theme.name, theme.dark, theme.ansi) == (name, THEMES[name].dark, True)


# A theme's file with a fault


def theme_from(tmp_path: Path, text: str) -> Theme:
    file = tmp_path / "mine.toml"
    file.write_text(text, "utf-8")
    return load_theme(file)


@pytest.mark.parametrize(
    ("good", "bad", "named"),
    [
        ('"#7aa7f0"', '"#7aa7fg"', "$.primary"),
        ('"#7aa7f0"', '"blue"', "$.primary"),
        ('"#7aa7f0"', "7", "$.primary"),
        ("dark = true", 'dark = "yes"', "$.dark"),
        ("dark = true", "", "`dark`"),
        ("accent =", "acent =", "unknown field `acent`"),
        ("failed =", "faild =", "unknown field `faild` - at `$.phases`"),
        ("[phases]", "[phases]\nlost = '#000000'", "unknown field `lost` - at `$.phases`"),
        ("dark = true", 'dark = true\nname = "other"', "name: a theme has the name of its file"),
        ('"#12161c"', '"ansi_black"', "primary: #rrggbb and ansi colours do not go together"),
        ("dark = true", "dark = ", "line 2"),
        ("dark = true", 'dark = true\nname = "a, b"', "$.name"),
    ],
)
def test_a_fault_is_named_by_file_and_key(tmp_path: Path, good: str, bad: str, named: str) -> None:
    assert good in GOOD
    with pytest.raises(ThemeError) as caught:
        theme_from(tmp_path, GOOD.replace(good, bad, 1))
    assert caught.value.message.startswith(f"{tmp_path / 'mine.toml'}: ")
    assert named in caught.value.message


def test_a_theme_of_the_terminal_s_own_colours(tmp_path: Path) -> None:
    lines = [line.split(" = ")[0] + ' = "ansi_bright_blue"' if "#" in line[1:] else line for line in GOOD.split("\n")]
    assert theme_from(tmp_path, "\n".join(lines)).ansi


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ThemeError, match="No such file"):
        load_theme(tmp_path / "mine.toml")


# Where they are found

SHOW = (
    "import json, tui; from tui.settings import shipped, themes;"
    "print(json.dumps([tui.__file__, str(shipped.shipped('themes')), list(themes.load_themes().by_name)]))"
)


def shown_by(package_folder: Path, elsewhere: Path) -> list[str | list[str]]:
    environ = {**os.environ, "PYTHONPATH": str(package_folder)}
    done = subprocess.run(
        [sys.executable, "-c", SHOW], cwd=elsewhere, env=environ, capture_output=True, text=True, check=True
    )
    shown: list[str | list[str]] = json.loads(done.stdout)
    return shown


def test_a_checkout_finds_its_own_folder(tmp_path: Path) -> None:
    assert shown_by(CHECKOUT, tmp_path) == [
        str(CHECKOUT / "tui" / "__init__.py"),
        str(CHECKOUT / "themes"),
        NAMES,
    ]


def test_an_installed_wheel_brings_its_themes(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=CHECKOUT,
        capture_output=True,
        check=True,
    )
    (wheel,) = tmp_path.glob("arkdeck-*.whl")
    unpacked = tmp_path / "unpacked"
    zipfile.ZipFile(wheel).extractall(unpacked)
    assert shown_by(unpacked, tmp_path) == [
        str(unpacked / "tui" / "__init__.py"),
        str(unpacked / "tui" / "themes"),
        NAMES,
    ]
