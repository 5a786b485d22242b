"""The commands of `python -m app`, one a file: its docstring is the manual, `arguments` declares, `run` does."""
