"""The Python of the documents runs: of each one in order, beside a copy of the examples."""

import re
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PACKAGE = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", PACKAGE / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(document: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", document.read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(
    "document",
    [document for document in DOCUMENTS if document.exists() and blocks(document)],
    ids=lambda document: str(document.relative_to(ROOT)),
)
def test_the_python_of_a_document_runs(document: Path, tmp_path: Path, monkeypatch) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for block in blocks(document):
        exec(compile(block, str(document), "exec"), names)
