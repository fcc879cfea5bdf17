"""The table on some jobs, and what a terminal shows of it."""

from collections import Counter

from textual.content import Content
from textual.message import Message

from tests.ui.wire import Terminal, WidgetApp
from tui.widgets.table import Column, VirtualTable

COLUMNS = (
    Column("name", "NAME", 12, grow=3),
    Column("phase", "PHASE", 10),
    Column("done", "DONE", 6, align="right", drop=1),
    Column("model", "MODEL", 10, grow=1, drop=3),
    Column("age", "AGE", 6, align="right", drop=2),
)


class Jobs:
    """Jobs to show: what was asked of them is counted, what is done of each can be changed."""

    def __init__(self, count=500):
        self.keys = [f"job-{number}" for number in range(count)]
        self.done = Counter()
        self.asked = Counter()

    def cells(self, key, widths):
        self.asked[key] += 1
        texts = {
            "name": Content(key),
            "phase": Content.styled("● Running", "$phase-running"),
            "done": Content(f"{self.done[key]}%"),
            "model": Content("doubao-seed-1-6-pro"),
            "age": Content.styled("2h05m", "$muted"),
        }
        return [texts[column] for column in widths]


class TableApp(WidgetApp):
    """The table with its jobs in sight; what it told is kept in `told`."""

    def __init__(self, jobs=None, **options):
        self.jobs = jobs or Jobs()
        self.table = VirtualTable(COLUMNS, self.jobs.cells, empty=Content("No jobs yet.\n\nPress n."))
        super().__init__(self.table, **options)

    def on_mount(self):
        self.table.show(self.jobs.keys)
        self.table.focus()

    def on_event_of_table(self, message: Message):
        self.told.append(message)

    on_virtual_table_cursor_moved = on_event_of_table
    on_virtual_table_opened = on_event_of_table
    on_virtual_table_header_clicked = on_event_of_table
    on_virtual_table_marks_changed = on_event_of_table

    def shown(self, y):
        """The text on line `y` of the terminal."""
        return "".join(char for char, _style in self.terminal.line(y, self.size.width)).rstrip(" ▁▂▃▄▅▆▇█")

    def cursor_line(self):
        """The line of the screen that the cursor's bar is on."""
        return next(y for y in range(self.size.height) if self.shown(y).startswith("▌"))


async def settled(pilot):
    """Wait until all that was started is on the screen, and forget how many bytes it took."""
    await pilot.pause()
    await pilot.pause()
    pilot.app.sent()
    pilot.app.jobs.asked.clear()
    pilot.app.told.clear()


def assert_painted(app):
    """The terminal shows, cell for cell, what the table would draw now."""
    for y, line in enumerate(app.table.draw()):
        whole = Terminal()
        strip = line.strip
        for filter_ in app.table.get_line_filters():
            strip = strip.apply_filter(filter_, app.table.background_colors[1])
        whole.receive(strip.render(app.console))
        width = line.strip.cell_length
        assert app.terminal.line(y, width) == whole.line(0, width), f"line {y}"
