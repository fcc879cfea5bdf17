"""Texts that attack whoever shows them, by what they would do; every screen that shows text from outside meets them.

Each must come out as one row of its own cell, run nothing, open nothing, and send the terminal nothing but itself.
"""

from __future__ import annotations

STYLE = ["[red]x[/]", "[bold]x", "tag [env=prod] kept", "[true, false]", "\\[b]x\\[/b]", "[[b]]x"]
CRASH = ["a[/]b", "job[/bold]end", "[", "]", "[/", "[@click=bad syntax((]X[/]", "$primary", "[$primary]x[/]"]
ACTION = [
    "[@click=app.quit]X[/]",
    "[@click=app.simulate_key('d')]X[/]",
    "[@click=app.screenshot('f','/nowhere')]X[/]",
    "[red]x[/] [@click=app.quit]q[/]\x1b]0;x\x07",
]
LINK = ["[link='http://evil.example']D[/link]", "[d](file:///etc/passwd)", "https://evil.example"]
TERMINAL = [
    "\x1b[2J",
    "\x1b[31mred",
    "\x1b]0;title\x07",
    "\x1b]52;c;ZQ==\x1b\\",
    "\x1b]8;;http://evil.example\x1b\\D\x1b]8;;\x1b\\",
    "\x1bPtmux;\x1b\x1b]0;t\x07\x1b\\",
    "\x1b[6n",
    "\x1b[?1049l",
    "\x1b[?1000l",
    "\x9b31m",
    "a\x00b\x07c\x08d\x7fe\x84f",
]
UNSEEN = ["user\u202egnp.exe", "a\u2066b\u2069", "adm\u200bin", "x\U000e0041", "\u3164", "soft\u00adhyphen\ufeff"]
SHAPE = [
    "a\tb",
    "a\nb\r\nc\rd",
    "a\u2028b\u2029c\x85d\x0be\x0cf",
    "批量推理任务" * 6,
    "👩\u200d👩\u200d👧\u200d👦🇨🇳",
    "e" + "\u0301" * 30,
    "lone\udcff",
    "L" * 1_000_000,
    "",
    " ",
]

BY_THREAT = {
    "style": STYLE,
    "crash": CRASH,
    "action": ACTION,
    "link": LINK,
    "terminal": TERMINAL,
    "unseen": UNSEEN,
    "shape": SHAPE,
}
ALL = [text for texts in BY_THREAT.values() for text in texts]

HARMFUL = frozenset(map(chr, (*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A))))
"""Characters that no cell of the screen may hold: a terminal acts on them, or they turn the order of what is read."""


def named(text: str) -> str:
    """A name for a test of this text: printable and short."""
    return ascii(text)[1:-1][:32] or "empty"
