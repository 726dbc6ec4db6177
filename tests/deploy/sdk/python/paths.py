"""Where the tests of the Python client find it, the server they share, and the wire document."""

import pathlib
import sys

HERE = pathlib.Path(__file__).resolve()
REPOSITORY = HERE.parents[4]
SDK = REPOSITORY / "deploy/sdk/python"
WIRE_DOCUMENT = REPOSITORY / "docs/wire/native.md"

sys.path[:0] = [str(SDK), str(HERE.parents[1])]
