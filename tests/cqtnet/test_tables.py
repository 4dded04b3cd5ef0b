import csv
from pathlib import Path

import pytest

from cqtnet import tables
from cqtnet.errors import ManifestError
from cqtnet.tables import markdown_table, read_table, write_table


def written(tmp_path, data, name="list.csv"):
    path = tmp_path / name
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("data", [
    b"file,label\na.wav,1\n\nb.wav,0\n",
    b"file\tlabel\na.wav\t1\nb.wav\t0\n",
    b"\xef\xbb\xbffile,label\r\na.wav,1\r\nb.wav,0",
], ids=["commas and a blank line", "tabs", "byte-order mark, CRLF, no last line end"])  # fmt: skip
def test_a_table_is_read_whatever_separates_it(tmp_path, data):
    table = read_table(written(tmp_path, data), needed=["file"])
    assert table.column("file") == ["a.wav", "b.wav"]
    assert [row["label"] for _, row in table.dicts()] == ["1", "0"]


def test_a_tsv_may_hold_commas_and_odd_names_and_columns_are_found_in_any_case(tmp_path):
    (name,) = read_table(written(tmp_path, b"file\na, caf\xe9.wav\n", "list.tsv")).column("file")
    assert name.encode("utf-8", "surrogateescape") == b"a, caf\xe9.wav"
    path = written(tmp_path, b"File , LABEL\na.wav,1\n")
    assert read_table(path, needed=["label"], fold_case=True).columns == ["file", "label"]


def test_every_row_knows_its_line_and_may_have_to_be_one(tmp_path):
    path = written(tmp_path, b'file\n\n"two\nlines"\nlast\n')
    assert read_table(path).lines == [4, 5]
    with pytest.raises(ManifestError, match=":2: 0 fields where the header has 1"):
        read_table(path, row_a_line=True)
    with pytest.raises(ManifestError, match=":2: a field holds a line break"):
        read_table(written(tmp_path, b'file,n\n"a\nb",1\n'), row_a_line=True)


@pytest.mark.parametrize(("data", "told"), [
    (b"i\x1bd,n\na,1\n", ":1: no column file; found i\\x1bd, n"),
    (b"file;label\na.wav;1\n", ":1: columns are separated by semicolons"),
    (b"file,file\na,b\n", ":1: column file appears twice"),
    (b"file,label\n", ":1: holds no row"),
    (b"file,label\na.wav,1\nb.wav\n", ":3: 1 fields where the header has 2"),
    (b'file,label\n"a.wav,1\n', ":2: "),
    (b"file,label\na.wav,\x00\n", ":2: holds a NUL"),
    (b"c," * 1000 + b"file\na\n", ":1: 1,001 columns, the limit is 1,000"),
    (b"file\n" + b"a" * 131_073 + b"\n", ":2: field larger than field limit"),
    (b"file\n" + b"a\n" * 2999 + b"a" * 100_000, ":3001: a field of 100,000 characters is too"),
])  # fmt: skip
def test_a_wrong_line_is_an_error_with_its_number(tmp_path, data, told):
    path = written(tmp_path, data)
    with pytest.raises(ManifestError) as caught:
        read_table(path, needed=["file"])
    assert str(caught.value).startswith(f"{path}{told}") and str(caught.value).isprintable()


def test_one_of_several_columns_is_enough_and_what_is_no_list_is_an_error(tmp_path):
    path = written(tmp_path, b"path\na.wav\n")
    assert read_table(path, any_of=["file", "path"]).columns == ["path"]
    with pytest.raises(ManifestError, match="no column file or id; found path"):
        read_table(path, any_of=["file", "id"])
    for name in ("missing.csv", "nul\0.csv"):
        with pytest.raises(ManifestError, match="cannot be read: "):
            read_table(tmp_path / name)
    with pytest.raises(ManifestError, match="is audio; give a folder or a list"):
        read_table(written(tmp_path, b"RIFF", "a.wav"))


def test_a_markdown_table_escapes_its_bars_and_lines_up():
    assert markdown_table([["name", "n"], ["a|b", "10"]]) == (
        "| name | n  |\n|------|----|\n| a\\|b | 10 |"
    )


def test_a_list_without_end_is_no_list(monkeypatch):
    monkeypatch.setattr(tables, "MOST_LIST_BYTES", 1 << 20)
    with pytest.raises(ManifestError, match=r"/dev/zero is larger than"):
        read_table(Path("/dev/zero"))


def test_no_cell_is_a_formula_and_text_comes_back_as_it_was(tmp_path):
    texts = ["=1+1", "+x", "-x", "@SUM(A1)", "\tx", "'=x", "''-", "'x", "-1.5", "-inf", "x="]
    texts.append("a\n=b")
    write_table(tmp_path / "a.csv", [["file", "n"], *([text, -1.5] for text in texts)])
    assert read_table(tmp_path / "a.csv").column("file") == texts
    with (tmp_path / "a.csv").open(newline="") as file:
        rows = list(csv.reader(file))[1:]
    assert {number for _, number in rows} == {"-1.5"}
    calculated = [cell for cell, _ in rows if cell[0] in "=+-@\t\r"]
    assert calculated == ["-1.5", "-inf"]
