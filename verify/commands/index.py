"""`cqtnet index`: archives of recordings, kept so that they can be searched."""

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

import click

from cqtnet.commands import DEVICE, JSON, PATH, command, complain

ARCHIVE = click.argument("archive", type=PATH)


@click.group(name="index")
def group() -> None:
    """Keep an archive of recordings: a folder that `cqtnet search` looks into."""


@command(
    "cqtnet index add archive/ recordings/ --tag 1998",
    "find /mnt -name '*.wav' | cqtnet index add archive/ -",
)
@ARCHIVE
@click.argument("paths", nargs=-1, required=True, metavar="PATHS…")
@click.option("--tag", "tags", multiple=True, help="Note it with every recording; repeatable.")
@click.option("--model", default="default", help="Of a new archive: shipped weights, or a path.")
@click.option("--rehash", is_flag=True, help="Read files again whose size and time are the same.")
@click.option("--keep", is_flag=True, help="Keep the sound itself, 14 to 22 MB an hour.")
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    help="Files read at once.  [default: one a processor]",
)
@click.option("--ray", "cluster", help="Read by a Ray cluster: its address, auto, or local.")
@DEVICE
@JSON(help="Print what was done as JSON.")
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
    from cqtnet.errors import InputError
    from cqtnet.progress import progress_bar
    from verify import Archive
    from verify.archive.listing import audio_files, passed_over_line

    passed_over: Counter[str] = Counter()
    files = list(audio_files(paths, passed_over=passed_over))
    if passed_over:
        complain(passed_over_line(passed_over))
    if not files:
        raise InputError(f"no audio in {', '.join(paths)}; give files or folders")
    with Archive.open_or_create(archive, model=model, device=device) as opened:
        with progress_bar("reading", len(files)) as bar:
            summary = opened.add(
                files,
                tags=tags,
                jobs=jobs,
                rehash=rehash,
                keep=keep,
                cluster=cluster,
                on_step=lambda step: bar.advance(doing=shown(Path(step.path).name)),
            )
        n_recordings = len(opened)
    if as_json:
        click.echo(json.dumps({**summary.to_dict(), "passed_over": passed_over}, indent=1))
    else:
        click.echo(f"{summary.sentence()}; {archive} holds {n_recordings:,} recordings")
    for reason in summary.failed.values():
        complain(reason)
    if summary.failed:
        sys.exit(1)


@command("cqtnet index compact archive/")
@ARCHIVE
def compact(archive: Path) -> None:
    """Give back the room in ARCHIVE that removed recordings took up."""
    from verify.archive.store import Store

    with Store.open(archive, write=True) as store:
        click.echo(f"{store.compact() / 1e6:,.1f} MB given back")


@command(
    "cqtnet index export archive/ windows.npz",
    "cqtnet index export archive/ song.flac --sound 17",
)
@ARCHIVE
@click.argument("out", type=PATH)
@click.option("--sound", type=int, metavar="NUMBER", help="Write what is kept of a recording.")
@click.option("--force", is_flag=True, help="Replace the file if it exists.")
def export(archive: Path, out: Path, sound: int | None, force: bool) -> None:
    """Write the windows of ARCHIVE to OUT: .npz for numpy, or .parquet (needs pyarrow).

    Each window has `vector` (float16), `recording`, `start_s`, and by recording `path`, `sha256`
    and `duration_s`. With --sound, OUT (.flac or .wav) is the sound that ARCHIVE keeps of a
    recording, for `diff` and `compare` when its file is away.
    """
    from cqtnet.files import refuse_overwrite
    from verify.archive.export import check_suffix, export_sound, export_windows
    from verify.archive.store import Store

    if sound is None:
        check_suffix(out)
    refuse_overwrite(out, force=force)
    with Store.open(archive) as store:
        if sound is not None:
            seconds = export_sound(store, sound, out)
            click.echo(f"{seconds:.1f} s of recording {sound} → {out}")
            return
        export_windows(store, out)
        click.echo(f"{store.n_windows:,} windows of {len(store):,} recordings → {out}")


@command("cqtnet index info archive/")
@ARCHIVE
@JSON(help="Print JSON.")
def info(archive: Path, as_json: bool) -> None:
    """Print what ARCHIVE holds: recordings, hours, windows, model, index and its recall."""
    from verify.archive.listing import describe, description_lines
    from verify.archive.store import Store

    with Store.open(archive, check=False) as store:
        plain = describe(store)
    click.echo(json.dumps(plain, indent=1) if as_json else "\n".join(description_lines(plain)))


@command("cqtnet index list archive/ --text 1998 --json", name="list")
@ARCHIVE
@click.option("--text", help="Only those with this text in a path.")
@click.option("--tag", help="Only those with this tag.")
@JSON(help="A line of JSON for each.")
def list_(archive: Path, text: str | None, tag: str | None, as_json: bool) -> None:
    """List the recordings of ARCHIVE: number, duration, paths, tags."""
    from verify.archive.listing import entry_line
    from verify.archive.store import Store

    with Store.open(archive, check=False) as store:
        for entry in store.entries(text=text, tag=tag):
            click.echo(json.dumps(asdict(entry)) if as_json else entry_line(entry))


@command("cqtnet index merge archive/ archive-of-may/ archive-of-june/")
@ARCHIVE
@click.argument("others", nargs=-1, required=True, type=PATH)
def merge(archive: Path, others: tuple[Path, ...]) -> None:
    """Add all recordings of OTHERS to ARCHIVE; no audio is read, and OTHERS stay as they are.

    All must be made by one model, with one length and hop of windows. Recordings that are in
    ARCHIVE already keep their number and gain the paths of the others.
    """
    from verify.archive.export import merge_into

    for other in others:
        added, known = merge_into(archive, other)
        click.echo(f"{other}: {added} recordings added, {known} were known")


@command("cqtnet index rebuild archive/ --kind compact")
@ARCHIVE
@click.option(
    "--kind",
    type=click.Choice(["auto", "exact", "large", "compact"]),
    default="auto",
    show_default=True,
    help="exact reads every window; large and compact look into the likeliest lists.",
)
@click.option("--milvus", metavar="URI", help="Keep it in Milvus: http://host:19530, or a file.")
def rebuild(archive: Path, kind: str, milvus: str | None) -> None:
    """Make the index of ARCHIVE anew from its vectors, and measure its recall.

    With --milvus it is made there (a cluster, or a file of milvus-lite), and every later command
    uses it whose MILVUS_URI in the environment is that address; MILVUS_TOKEN is sent along.
    Without, it is a file beside the archive again.
    """
    from verify.archive.index.cache import IndexCache
    from verify.archive.index.milvus import ADDRESS, leave_milvus, open_milvus
    from verify.archive.store import Store

    with Store.open(archive, write=True) as store:
        if milvus:
            with open_milvus(store, milvus, rebuild=True) as there:
                click.echo(f"{len(there):,} windows at {milvus}")
            if os.environ.get(ADDRESS) != milvus:
                complain(f"set {ADDRESS}={milvus} for later commands: without it none connects")
            return
        leave_milvus(store)
        index = IndexCache.built(
            store,
            wanted=kind,  # type: ignore[arg-type]
            on_message=lambda text: click.echo(text, err=True),
        )
        index.save()
    known = index.info
    recall = "" if known.recall is None else f", recall {known.recall:.3f} of {known.queries}"
    click.echo(
        f"{known.plan.kind}: {known.n_windows:,} windows, {known.n_bytes / 1e6:,.1f} MB{recall}"
    )


@command("cqtnet index relocate archive/ /mnt/old/music /mnt/new/music")
@ARCHIVE
@click.argument("old")
@click.argument("new")
def relocate(archive: Path, old: str, new: str) -> None:
    """Note that the recordings of ARCHIVE below the path OLD lie below NEW now.

    Each is looked for there and must be the same: in size and time of change, or else in its bytes.
    Those that are not are named and stay as they were; then the exit code is 1.
    """
    from verify import Archive

    with Archive.open(archive, write=True) as opened:
        count, problems = opened.relocate(old, new)
    for problem in problems:
        complain(problem)
    click.echo(f"{count:,} files are noted below {new}; {len(problems):,} are not there")
    if problems or not count:
        sys.exit(1)


@command(
    "cqtnet index remove archive/ --id 17 --id 18",
    "cqtnet index remove archive/ --path recordings/one.wav",
    "cqtnet index remove archive/ --tag 1998",
)
@ARCHIVE
@click.option("--id", "numbers", type=int, multiple=True, help="By number; repeatable.")
@click.option("--path", "paths", multiple=True, help="By path; repeatable.")
@click.option("--text", help="All with this text in a path.")
@click.option("--tag", help="All with this tag.")
@click.option("--dry-run", is_flag=True, help="Only list what would be removed.")
def remove(
    archive: Path,
    numbers: tuple[int, ...],
    paths: tuple[str, ...],
    text: str | None,
    tag: str | None,
    dry_run: bool,
) -> None:
    """Remove recordings from ARCHIVE for good; their files are neither needed nor touched.

    With both, --text and --tag, recordings must have both. `cqtnet index compact` gives the room
    back.
    """
    from verify import Archive
    from verify.archive.listing import entry_line

    with Archive.open(archive, write=not dry_run) as opened:
        chosen = opened.select(numbers=numbers, paths=paths, text=text, tag=tag)
        if not dry_run:
            opened.remove([entry.id for entry in chosen])
    for entry in chosen:
        click.echo(entry_line(entry))
    click.echo(f"{len(chosen)} {'would be' if dry_run else 'were'} removed", err=True)


@command(
    "cqtnet index verify archive/ --read-audio",
    after="""
\b
Exit codes: 0 all is as it was written; 1 something is not; 2 the archive cannot be opened.
""",
)
@ARCHIVE
@click.option("--read-audio", is_flag=True, help="Hash the recordings' files, too.")
@JSON(help="Print JSON.")
def verify(archive: Path, read_audio: bool, as_json: bool) -> None:
    """Read all of ARCHIVE and compare it with its checksums; with --read-audio its files, too."""
    from verify.archive.archive import check_archive

    problems = check_archive(archive, read_audio=read_audio)
    if as_json:
        click.echo(json.dumps([{"file": str(p.file), "what": p.what} for p in problems], indent=1))
    else:
        for problem in problems:
            click.echo(f"{problem.file}: {problem.what}")
        click.echo(f"{len(problems)} problems" if problems else "all is as it was written")
    if problems:
        sys.exit(1)


for one in (add, compact, export, info, list_, merge, rebuild, relocate, remove, verify):
    group.add_command(one)
