"""``maskdet doctor``."""

import argparse

from maskdet.commands.answers import DONE, NEGATIVE, Answer

TEXT = (
    "say what this machine and installation are, what is missing and what mends it (exit status 1 "
    "if something is missing that training and detecting need)"
)
EXAMPLES = (
    ("maskdet doctor", "processor, packages, GPU and weights, and whether a network runs"),
    ("maskdet doctor --json > machine.json", "for programs, or to send along with a question"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        f"{parser.description} Where only the interpreter is installed, as on a Raspberry Pi, what "
        "counts is running exported files. Nothing is changed and nothing downloaded."
    )


def run(args: argparse.Namespace) -> Answer:
    from maskdet.doctor.report import examine

    examination = examine()
    print(examination.text())
    return Answer(examination.to_dict(), DONE if examination.ready else NEGATIVE)
