"""``maskdet serve``."""

import argparse

TEXT = "open a page that export made, on this machine"
EXAMPLES = (
    ("maskdet serve page/", "at http://127.0.0.1:8000, for this machine alone"),
    ("maskdet serve page/ --host 0.0.0.0 --port 9000", "for the whole network"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        f"{parser.description} Any static web server can do it too; this one sends the headers "
        "that threads need."
    )
    parser.add_argument("page", help="the folder")
    parser.add_argument("--port", type=int, default=8000, help="(default: %(default)s)")
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen at (default: this machine alone)"
    )


def run(args: argparse.Namespace) -> None:
    from maskdet.page.server import serve

    serve(args.page, args.host, args.port)
