"""The screens, one module and one style sheet each; what they do to jobs and files is done by `tui.runs`."""
