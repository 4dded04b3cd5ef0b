"""`cqtnet index`: archives of recordings, kept so that they can be searched."""

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cqtnet import commands as common
from cqtnet.cli import LazyGroup
from cqtnet.errors import InputError
from cqtnet.files import refuse_overwrite
from verify.words import plural

if TYPE_CHECKING:
    from verify.archive.index.faiss import Wanted

ARCHIVE = click.argument("archive", type=common.PATH)
DONE = common.JSON(help="Print what was done as JSON.")
NAMES = ("add", "compact", "export", "info", "list", "merge", "rebuild", "relocate", "remove",
         "verify")  # fmt: skip
PLACES = {name: f"verify.commands.index:{name.replace('list', 'list_')}" for name in NAMES}


@click.command(cls=LazyGroup, places=PLACES, name="index")
def group() -> None:
    """Keep an archive of recordings: a folder that `cqtnet search` looks into."""


@common.command(
    "cqtnet index add archive/ recordings/ --tag 1998",
    "find /mnt -name '*.wav' | cqtnet index add archive/ -",
)
@ARCHIVE
@click.argument("paths", nargs=-1, required=True, metavar="PATHS…")
@click.option("--tag", "tags", multiple=True, help="Note it with every recording; repeatable.")
@common.MODEL
@click.option("--rehash", is_flag=True, help="Read files again whose size and time are the same.")
@click.option("--keep", is_flag=True, help="Keep the sound itself, 14 to 22 MB an hour.")
@common.JOBS
@click.option("--ray", "cluster", help="Read by a Ray cluster: its address, auto, or local.")
@common.DEVICE
@DONE
@common.progress_options
def add(
    archive: Path, paths: tuple[str, ...], tags: tuple[str, ...], model: str, rehash: bool,
    keep: bool, jobs: int | None, cluster: str | None, device: str, as_json: bool,
) -> None:  # fmt: skip
    """Add files, folders and patterns to ARCHIVE, which is made where there is none.

    PATHS may be - for a list on stdin, a line each. Files that are in the archive as they are now
    are skipped, moved ones are recognised by their bytes, and a run that was interrupted goes on
    when it is started again. Files that cannot be used are listed at the end; then the exit code
    is 1. With --keep, `cqtnet search` and `cqtnet dedupe` work when the files are away.
    """
    from collections import Counter

    from cqtnet.audio import shown
    from cqtnet.progress import progress_bar
    from verify import Archive
    from verify.archive.listing import audio_files, passed_over_line

    passed_over: Counter[str] = Counter()
    files = list(audio_files(paths, passed_over=passed_over))
    if passed_over:
        common.complain(passed_over_line(passed_over))
    if not files:
        raise InputError(f"no audio in {', '.join(paths)}; give files or folders")
    with Archive.open_or_create(archive, model=model, device=device) as opened:
        with progress_bar("reading", len(files)) as bar:
            summary = opened.add(
                files, tags=tags, jobs=jobs, rehash=rehash, keep=keep, cluster=cluster,
                on_step=lambda step: bar.advance(doing=shown(Path(step.path).name)),
            )  # fmt: skip
        n_recordings = len(opened)
    if as_json:
        common.show({**summary.to_dict(), "passed_over": passed_over})
    else:
        common.show(f"{summary.sentence()}; {archive} holds {plural(n_recordings, 'recording')}")
    for reason in summary.failed.values():
        common.complain(reason)
    common.hint(f"cqtnet search {shlex.quote(str(archive))} FILE")
    if summary.failed:
        sys.exit(1)


@common.command("cqtnet index compact archive/")
@ARCHIVE
@DONE
@common.progress_options
def compact(archive: Path, as_json: bool) -> None:
    """Give back the room in ARCHIVE that removed recordings took up."""
    from cqtnet.progress import working
    from verify.archive.store import Store

    with Store.open(archive, write=True) as store, working("copying what is left"):
        freed = store.compact()
    common.show({"bytes_freed": freed} if as_json else f"{freed / 1e6:,.1f} MB given back")


@common.command(
    "cqtnet index export archive/ windows.npz",
    "cqtnet index export archive/ song.flac --sound 17",
)
@ARCHIVE
@click.argument("out", type=common.PATH)
@click.option("--sound", type=int, metavar="NUMBER", help="Write what is kept of a recording.")
@common.FORCE
@DONE
@common.progress_options
def export(archive: Path, out: Path, sound: int | None, force: bool, as_json: bool) -> None:
    """Write the windows of ARCHIVE to OUT: .npz for numpy, or .parquet (needs pyarrow).

    Each window has `vector` (float16), `recording`, `start_s`, and by recording `path`, `sha256`
    and `duration_s`. With --sound, OUT (.flac or .wav) is the sound that ARCHIVE keeps of a
    recording, for `diff` and `compare` when its file is away.
    """
    from cqtnet.progress import working
    from verify.archive.export import check_suffix, export_sound, export_windows
    from verify.archive.store import Store

    if sound is None:
        check_suffix(out)
    refuse_overwrite(out, force=force)
    with Store.open(archive) as store, working("writing"):
        if sound is not None:
            duration_s = export_sound(store, sound, out)
            done: dict[str, Any] = {"out": out, "id": sound, "duration_s": duration_s}
            text = f"{duration_s:.1f} s of recording {sound}"
        else:
            export_windows(store, out)
            done = {"out": out, "windows": store.n_windows, "recordings": len(store)}
            text = f"{plural(store.n_windows, 'window')} of {plural(len(store), 'recording')}"
    common.show(done if as_json else f"{text} → {out}")


@common.command("cqtnet index info archive/")
@ARCHIVE
@common.JSON(help="Print JSON.")
def info(archive: Path, as_json: bool) -> None:
    """Print what ARCHIVE holds: recordings, hours, windows, model, index and its recall."""
    from verify.archive.listing import describe, description_lines
    from verify.archive.store import Store

    with Store.open(archive, check=False) as store:
        plain = describe(store)
    common.show(plain if as_json else "\n".join(description_lines(plain)))


@common.command(
    "cqtnet index list archive/ --text 1998 --json",
    "cqtnet index list archive/ --csv > recordings.csv",
    name="list",
    one_of=["--json --csv"],
)
@ARCHIVE
@click.option("--text", help="Only those with this text in a path.")
@click.option("--tag", help="Only those with this tag.")
@common.JSON(help="Print a line of JSON for each.")
@common.CSV(help="Print a line of CSV for every file.")
def list_(archive: Path, text: str | None, tag: str | None, as_json: bool, as_csv: bool) -> None:
    """List the recordings of ARCHIVE: number, duration, paths, tags."""
    from verify.archive.listing import ENTRY_COLUMNS, entry_line, entry_rows
    from verify.archive.store import Store

    with Store.open(archive, check=False) as store:
        if as_csv:
            common.show_csv([ENTRY_COLUMNS])
        for entry in store.entries(text=text, tag=tag):
            if as_csv:
                common.show_csv(entry_rows(entry))
                continue
            common.show(entry if as_json else entry_line(entry), in_a_line=True)


@common.command("cqtnet index merge archive/ archive-of-may/ archive-of-june/")
@ARCHIVE
@click.argument("others", nargs=-1, required=True, type=common.PATH)
@DONE
@common.progress_options
def merge(archive: Path, others: tuple[Path, ...], as_json: bool) -> None:
    """Add all recordings of OTHERS to ARCHIVE; no audio is read, and OTHERS stay as they are.

    All must be made by one model, with one length and hop of windows. Recordings that are in
    ARCHIVE already keep their number and gain the paths of the others.
    """
    from cqtnet.progress import progress_bar
    from verify.archive.export import merge_into

    merged = []
    with progress_bar("merging", len(others)) as bar:
        for other in others:
            bar.update(doing=str(other))
            added, known = merge_into(archive, other)
            bar.advance()
            merged.append({"archive": other, "added": added, "known": known})
            if not as_json:
                common.show(f"{other}: {plural(added, 'recording')} added; {known:,} known already")
    if as_json:
        common.show({"merged": merged})


@common.command("cqtnet index rebuild archive/ --kind compact", one_of=["--kind --milvus"])
@ARCHIVE
@click.option("--kind", type=click.Choice(["auto", "exact", "large", "compact"]), default="auto",
              show_default=True, help="exact reads every window; large and compact look into the "
              "likeliest lists.")  # fmt: skip
@click.option("--milvus", metavar="URI", help="Keep it in Milvus: http://host:19530, or a file.")
@DONE
@common.progress_options
def rebuild(archive: Path, kind: "Wanted", milvus: str | None, as_json: bool) -> None:
    """Make the index of ARCHIVE anew from its vectors, and measure its recall.

    With --milvus it is made there (a cluster, or a file of milvus-lite), and every later command
    uses it whose MILVUS_URI in the environment is that address; MILVUS_TOKEN is sent along.
    Without, it is a file beside the archive again.
    """
    from cqtnet.progress import working
    from verify.archive.index.cache import IndexCache
    from verify.archive.index.milvus import ADDRESS, leave_milvus, open_milvus
    from verify.archive.store import Store

    with Store.open(archive, write=True) as store, working("building") as bar:
        if milvus:
            with open_milvus(store, milvus, rebuild=True) as there:
                done: dict[str, Any] = {"kind": "milvus", "windows": len(there), "uri": milvus}
            common.show(done if as_json else f"{plural(done['windows'], 'window')} at {milvus}")
            if os.environ.get(ADDRESS) != milvus:
                common.complain(
                    f"set {ADDRESS}={milvus} for later commands: else they cannot find the index"
                )
            return
        leave_milvus(store)
        index = IndexCache.built(store, wanted=kind, on_message=lambda text: bar.update(doing=text))
        index.save()
    known = index.info
    recall = "" if known.recall is None else f", recall {known.recall:.3f} of {known.queries}"
    text = f"{known.plan.kind}: {known.n_windows:,} windows, {known.n_bytes / 1e6:,.1f} MB{recall}"
    done = {"kind": known.plan.kind, "windows": known.n_windows, "bytes": known.n_bytes}
    done |= {"recall": known.recall, "queries": known.queries}
    common.show(done if as_json else text)


@common.command("cqtnet index relocate archive/ /mnt/old/music /mnt/new/music")
@ARCHIVE
@click.argument("old")
@click.argument("new")
@DONE
def relocate(archive: Path, old: str, new: str, as_json: bool) -> None:
    """Note that the recordings of ARCHIVE below the path OLD lie below NEW now.

    Each is looked for there and must be the same: in size and time of change, or else in its bytes.
    Those that are not are named and stay as they were; then the exit code is 1.
    """
    from verify import Archive

    with Archive.open(archive, write=True) as opened:
        count, problems = opened.relocate(old, new)
    for problem in problems:
        common.complain(problem)
    text = f"{plural(count, 'file')} noted below {new}; {len(problems):,} not there"
    common.show({"relocated": count, "problems": problems} if as_json else text)
    if problems or not count:
        sys.exit(1)


@common.command(
    "cqtnet index remove archive/ --id 17 --id 18",
    "cqtnet index remove archive/ --path recordings/one.wav",
    "cqtnet index remove archive/ --tag 1998",
)
@ARCHIVE
@click.option("--id", "numbers", type=int, multiple=True, help="By number; repeatable.")
@click.option("--path", "paths", multiple=True, help="By path, with all copies; repeatable.")
@click.option("--text", help="All with this text in a path.")
@click.option("--tag", help="All with this tag.")
@click.option("--dry-run", is_flag=True, help="Only list what would be removed.")
@common.JSON(help="Print JSON.")
def remove(
    archive: Path, numbers: tuple[int, ...], paths: tuple[str, ...], text: str | None,
    tag: str | None, dry_run: bool, as_json: bool,
) -> None:  # fmt: skip
    """Remove recordings from ARCHIVE for good; their files are neither needed nor touched.

    A file that still lies in a folder comes back when that folder is added again. With both,
    --text and --tag, recordings must have both. `cqtnet index compact` gives the room back.
    """
    from verify import Archive
    from verify.archive.listing import entry_line

    with Archive.open(archive, write=not dry_run) as opened:
        chosen = opened.select(numbers=numbers, paths=paths, text=text, tag=tag)
        if not dry_run:
            opened.remove([entry.id for entry in chosen])
    if as_json:
        common.show({"removed": chosen, "dry_run": dry_run})
        return
    for entry in chosen:
        common.show(entry_line(entry))
    done = "would be removed" if dry_run else "removed"
    files = sum(len(entry.paths) for entry in chosen)
    copies = f", of {files:,} files with copies" if files > len(chosen) else ""
    click.echo(f"{plural(len(chosen), 'recording')} {done}{copies}", err=True)


@common.command("cqtnet index verify archive/ --read-audio", after="""
\b
Exit codes: 0 all is as it was written; 1 something is not; 2 the archive cannot be opened.
""")  # fmt: skip
@ARCHIVE
@click.option("--read-audio", is_flag=True, help="Hash the recordings' files, too.")
@common.JSON(help="Print JSON.")
@common.progress_options
def verify(archive: Path, read_audio: bool, as_json: bool) -> None:
    """Read all of ARCHIVE and compare it with its checksums; with --read-audio its files, too."""
    from cqtnet.progress import working
    from verify.archive.archive import check_archive

    with working("reading"):
        problems = check_archive(archive, read_audio=read_audio)
    if as_json:
        common.show({"problems": [{"path": one.file, "problem": one.what} for one in problems]})
    else:
        found = plural(len(problems), "problem") if problems else "all is as it was written"
        common.show("\n".join([*(f"{one.file}: {one.what}" for one in problems), found]))
    if problems:
        sys.exit(1)
