"""The command that makes the documents."""

from click.testing import CliRunner

from mfbench.report import report
from mfbench.report.readme_table import BEGIN, END


def test_a_document_is_printed_or_written(tmp_path, monkeypatch):
    path = tmp_path / "README.md"
    path.write_text(f"before\n{BEGIN}old\n{END}after\n")
    monkeypatch.setattr(report, "ROOT", tmp_path)
    monkeypatch.setitem(report.DOCUMENTS, "readme", path)
    printed = CliRunner().invoke(report.command, ["readme"])
    assert printed.exit_code == 0 and "| `import metaflow` |" in printed.stdout
    assert "old" in path.read_text()
    written = CliRunner().invoke(report.command, ["readme", "--write"])
    assert written.output == "wrote README.md\n"
    assert path.read_text() == f"before\n{BEGIN}{printed.stdout}{END}after\n"
