"""The shipped themes are readable, found in a checkout and in a wheel, and a broken one says what is broken."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tui.settings.themes import Theme, ThemeError, load_theme, load_themes

CHECKOUT = Path(__file__).parents[2]
NAMES = [file.stem for file in sorted((CHECKOUT / "themes").glob("*.toml"))]
THEMES = load_themes()

GOOD = (CHECKOUT / "themes" / "arkdeck-dark.toml").read_text("utf-8")


def luminance(colour: str) -> float:
    """WCAG 2's relative luminance of `#rrggbb`."""
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_the_measure_of_contrast_is_wcag_s() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_a_dark_and_a_light_theme_are_shipped() -> None:
    assert THEMES["arkdeck-dark"].dark
    assert not THEMES["arkdeck-light"].dark


@pytest.mark.parametrize("name", NAMES)
def test_the_ground_is_as_dark_as_the_theme_says(name: str) -> None:
    assert (luminance(THEMES[name].background) < 0.18) is THEMES[name].dark


@pytest.mark.parametrize("name", NAMES)
def test_text_is_readable(name: str) -> None:
    theme = THEMES[name]
    assert contrast(theme.foreground, theme.background) >= 7
    assert contrast(theme.foreground, theme.surface) >= 7


@pytest.mark.parametrize("ground", ["background", "surface"])
@pytest.mark.parametrize("name", NAMES)
def test_every_phase_is_readable(name: str, ground: str) -> None:
    theme = THEMES[name]
    measured = {
        key: contrast(colour, getattr(theme, ground))
        for key, colour in theme.colours().items()
        if key.startswith("phases.")
    }
    assert len(measured) == 7
    assert {key: value for key, value in measured.items() if value < 4.5} == {}


@pytest.mark.parametrize("name", NAMES)
def test_every_role_of_colour_is_readable(name: str) -> None:
    theme = THEMES[name]
    roles = (theme.primary, theme.secondary, theme.accent, theme.success, theme.warning, theme.error)
    assert min(contrast(colour, theme.background) for colour in roles) >= 4.5


@pytest.mark.parametrize("name", NAMES)
def test_no_two_phases_look_the_same(name: str) -> None:
    phases = [colour for key, colour in THEMES[name].colours().items() if key.startswith("phases.")]
    assert len(set(phases)) == len(phases)


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
    "print(json.dumps([tui.__file__, str(shipped.shipped('themes')), list(themes.load_themes())]))"
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
