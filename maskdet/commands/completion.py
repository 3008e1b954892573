"""``maskdet completion``."""

import argparse

from maskdet.errors import UsageError

TEXT = "print the code by which a shell completes maskdet's commands, options and files"
_SHELLS = ("bash", "zsh", "fish")
EXAMPLES = (
    ("maskdet completion bash >> ~/.bashrc", "in every new bash"),
    ("maskdet completion zsh >> ~/.zshrc", "in every new zsh (after its compinit)"),
    ("maskdet completion fish > ~/.config/fish/completions/maskdet.fish", "in every new fish"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=_SHELLS, help="bash, zsh or fish")


def run(args: argparse.Namespace) -> None:
    try:
        import argcomplete
    except ImportError as error:
        raise UsageError(
            "Completion needs the package argcomplete, which is not installed; run: pip install "
            "argcomplete"
        ) from error
    print(argcomplete.shellcode(["maskdet"], shell=args.shell))
