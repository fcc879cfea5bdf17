"""The form that writes a profile into the configuration file."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Button, Input, Static
from textual.worker import Worker

from tui.daemon import in_daemon
from tui.i18n import _
from tui.screens.confirm import ConfirmScreen
from tui.screens.deck_app import deck_of
from tui.screens.form import Form
from tui.settings import fields
from tui.settings.config_file import ConfigError, ConfigFile, ProfileSettings
from tui.settings.presets import DEFAULT_PRESET, PRESETS
from tui.settings.profiles import derived_settings, save_profile
from tui.text import clean
from tui.widgets.legend import legend
from tui.widgets.line_input import LineInput
from tui.widgets.one_of import OneOf
from tui.widgets.safe_text import identifier, line, plain

if TYPE_CHECKING:
    from pathlib import Path

_LABELS: Final[Mapping[str, str]] = {
    "region": _("region"),
    "bucket": _("bucket"),
    "project": _("project"),
    "input_prefix": _("input prefix"),
    "output_prefix": _("output prefix"),
    "ark_endpoint": _("Ark endpoint"),
    "tos_endpoint": _("TOS endpoint"),
}


class ProfileForm(Form[str]):
    """Writes a profile, new or changed, and returns its name once the file holds it.

    A field that is empty says nothing: what it is then stands in it, muted, and follows preset and region.

    Args:
        config: the file as it is.
        name: the profile to change, which keeps its name; None for a new one.
    """

    CSS_PATH = "form.tcss"

    def __init__(self, config: ConfigFile, name: str | None = None) -> None:
        super().__init__()
        self._name_given = name
        self._others = frozenset(config.profiles) - {name}
        before = config.profiles.get(name or "", ProfileSettings())
        self._before: dict[str, Any] = before.values()
        self._saving: Worker[None] | None = None

    def heading(self) -> Content:
        """Return the title."""
        if self._name_given is None:
            return plain(_("New profile"))
        return line(_("Profile "), identifier(self._name_given))

    def compose_rows(self) -> ComposeResult:
        """Lay out the fields, those that most operators need first."""
        if self._name_given is None:
            yield from self.row(_("name"), LineInput(id="name", max_length=64))
        yield from self.row(_("cloud"), OneOf([(each, each) for each in PRESETS], chosen=self._preset, id="preset"))
        for field in ("region", "bucket", "project"):
            yield from self.row(_LABELS[field], self._input(field))
        access = [("no", _("read and write")), ("yes", _("read only"))]
        yield from self.row(_("access"), OneOf(access, chosen="yes" if self._read_only else "no", id="read_only"))
        for field in ("input_prefix", "output_prefix", "ark_endpoint", "tos_endpoint"):
            yield from self.row(_LABELS[field], self._input(field))

    def compose_buttons(self) -> ComposeResult:
        """Lay out the buttons."""
        yield Button(plain(_("Save")), id="save", variant="primary")
        yield Button(plain(_("Leave")), id="leave")
        yield Static(legend(("enter", _("save")), ("esc", _("leave"))))

    def _input(self, field: str) -> LineInput:
        return LineInput(self._shown(field), id=field)

    def on_mount(self) -> None:
        """Show what the empty fields are."""
        self._derive()

    # What is typed

    @property
    def _preset(self) -> str:
        return str(self._before.get("preset", DEFAULT_PRESET))

    @property
    def _read_only(self) -> bool:
        return bool(self._before.get("read_only", False))

    def _shown(self, field: str) -> str:
        return clean(str(self._before.get(field, "")))

    def _typed(self, field: str) -> str:
        return self.query_one(f"#{field}", Input).value.strip()

    @property
    def _changed(self) -> dict[str, str]:
        """The fields that differ from what they began with."""
        return {field: text for field in _LABELS if (text := self._typed(field)) != self._shown(field)}

    @property
    def _profile(self) -> str:
        """The name: without one of its own, a profile is called as its preset."""
        return self._name_given or self._typed("name") or self._chosen("preset")

    def _chosen(self, field: str) -> str:
        return self.query_one(f"#{field}", OneOf).chosen

    @on(Input.Changed)
    def _judge_typed(self, event: Input.Changed) -> None:
        event.stop()
        self._judge(event.input.id or "")
        if event.input.id == "region":
            self._derive()
        self.tell("")

    @on(OneOf.Changed, "#preset")
    def _derive(self) -> None:
        """Show what the fields are that say nothing."""
        preset = self._chosen("preset")
        region = "" if self._trouble("region") else self._typed("region")
        derived = derived_settings(preset, region)
        for field in _LABELS:
            absent = _("none: jobs can be watched, not sent") if field == "bucket" else ""
            whole = self._before.get(field) == ""
            shown = _("none") if whole else str(derived[field]) or absent
            self.query_one(f"#{field}", Input).placeholder = shown
        if self._name_given is None:
            self.query_one("#name", Input).placeholder = preset
            self._judge("name")

    def _judge(self, field: str) -> bool:
        """Show beneath a field what is wrong with it; return whether something is."""
        trouble = self._trouble(field)
        self.object_to(field, trouble)
        return bool(trouble)

    def _trouble(self, field: str) -> str:
        try:
            if field == "name":
                if fields.parse_name(self._profile) in self._others:
                    return _("there is a profile {name} already", name=self._profile)
            elif text := self._changed.get(field):
                fields.parse(field, text)
        except fields.InvalidValueError as error:
            return str(error)
        return ""

    def _settings(self) -> ProfileSettings:
        """Return what is to be written: what was changed, over what the file says."""
        values = dict(self._before)
        if self._name_given is None or self._chosen("preset") != self._preset:
            values["preset"] = self._chosen("preset")
        if (read_only := self._chosen("read_only") == "yes") != self._read_only:
            values["read_only"] = read_only
        for field, text in self._changed.items():
            if text:
                values[field] = fields.parse(field, text)
            else:
                values.pop(field, None)
        return ProfileSettings(**values)

    # What is saved

    @on(Input.Submitted)
    @on(Button.Pressed, "#save")
    def _save(self, event: Input.Submitted | Button.Pressed) -> None:
        event.stop()
        names = [*(["name"] if self._name_given is None else []), *_LABELS]
        wrong = [field for field in names if self._judge(field)]
        if wrong:
            self.query_one(f"#{wrong[0]}", Input).focus()
        elif self._saving is None:
            self._saving = self.app.run_worker(
                partial(self._write, self._profile, self._settings()), name="save-profile"
            )

    async def _write(self, name: str, settings: ProfileSettings) -> None:
        paths = deck_of(self).launch.paths
        try:
            kept = await in_daemon(partial(save_profile, paths, name, settings), name="profile")
        except ConfigError as error:
            self._saving = None
            self.tell_error(error)
            return
        self.app.notify(written(_("saved profile {name}", name=name), kept), markup=False)
        self.finish(name)

    # Leaving

    @on(Button.Pressed, "#leave")
    def action_leave(self) -> None:
        """Leave; where something was typed and not saved, once the operator agrees."""
        typed = self._name_given is None and self._typed("name")
        if self._saving is not None or not (typed or self._changed):
            self.dismiss(None)
            return

        def answered(agreed: bool | None) -> None:
            if agreed:
                self.dismiss(None)

        leaving = ConfirmScreen(_("Leave what you typed?"), consequence=_("Nothing was saved."), yes=_("Leave"))
        self.app.push_screen(leaving, answered)


def written(what: str, kept: Path | None) -> str:
    """Return what a toast says when the file was written: also where its comments are kept, if it had any."""
    if kept is None:
        return what
    return "\n".join([what, _("the file with its comments is kept as {name}", name=kept.name)])
