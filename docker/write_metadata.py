"""write_metadata.py PYPROJECT FOLDER: the project's name and version, where Python looks for them.

The image of the sidecars holds their code without an installed project; importlib.metadata finds
what this writes next to it.
"""

import sys
import tomllib
from pathlib import Path


def write_metadata(pyproject: Path, folder: Path) -> Path:
    """Make FOLDER/NAME-VERSION.dist-info; returns it."""
    project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    made = folder / f"{project['name']}-{project['version']}.dist-info"
    made.mkdir(parents=True, exist_ok=True)
    (made / "METADATA").write_text(
        f"Metadata-Version: 2.4\nName: {project['name']}\nVersion: {project['version']}\n",
        encoding="utf-8",
    )
    return made


if __name__ == "__main__":
    write_metadata(Path(sys.argv[1]), Path(sys.argv[2]))
