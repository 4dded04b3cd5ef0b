"""`cqtnet serve`: the workbench, a local page and an HTTP interface."""

import ipaddress
import signal
import socket
import sys
from importlib.util import find_spec
from pathlib import Path

import click

from cqtnet.commands import DEVICE, PATH, command
from cqtnet.errors import InputError

LEAST_TOKEN = 16


@command("cqtnet serve --open", "cqtnet serve archive/ --port 8080")
@click.argument("archive", required=False, type=PATH)
@click.option("--port", type=click.IntRange(0, 65535), default=8765, show_default=True,
              help="0: any that is free.")  # fmt: skip
@click.option("--open", "opens", is_flag=True, help="Open the page in the browser.")
@click.option("--host", default="127.0.0.1", show_default=True,
              help="Address by which others reach this machine; needs --token.")  # fmt: skip
@click.option("--token", envvar="CQTNET_TOKEN", help="Secret of programs and of other machines; "
              "better in CQTNET_TOKEN.  [default: drawn]")  # fmt: skip
@click.option("--listen", metavar="SOURCE", help="A stream to look for in ARCHIVE: a file, URL or "
              "device, as for `cqtnet monitor`.")  # fmt: skip
@click.option("--max-mb", "most_mb", default=2048, show_default=True, type=click.IntRange(1),
              help="Size of a request at most.")  # fmt: skip
@click.option("--max-hours", "most_hours", default=6.0, show_default=True,
              type=click.FloatRange(0.01, 24), help="Length of a recording at most.")  # fmt: skip
@DEVICE
def serve(
    archive: Path | None, port: int, opens: bool, host: str, token: str | None, listen: str | None,
    most_mb: int, most_hours: float, device: str,
) -> None:  # fmt: skip
    """Serve the workbench: a page to compare, look and listen, and an HTTP interface.

    Nothing leaves this machine, and the page is for it alone unless --host says otherwise. The
    printed address works once; then the browser has a cookie, and the next address is printed.
    What was sent is kept until the end (Ctrl-C) and then removed. ARCHIVE, if given, can be
    searched and added to.
    """
    _check_packages()
    import uvicorn

    from workbench.app import Workbench
    from workbench.archive import Monitor
    from workbench.guard import Keys
    from workbench.jobs import Keep, Queue, Settings

    _check_address(host, token)
    _check_archive(archive, listen)
    listening = _socket(host, port)
    port = listening.getsockname()[1]
    keys = Keys(token) if token else Keys()
    address = f"http://{_bracketed(host)}:{port}/?key="

    def print_address() -> None:
        click.echo(f"open      {address}{keys.once}")

    keys.on_used = print_address
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # so that what was sent is removed
    with (
        Keep() as keep,
        Queue(keep, Settings(keep.folder, archive, device, 3600 * most_hours)) as queue,
        Monitor(archive, listen) as monitor,
    ):
        workbench = Workbench(queue, keys, hosts_of(host, port), most_mb << 20, monitor)
        config = uvicorn.Config(
            workbench.app(), http="h11", ws="none", lifespan="off", log_level="warning",
            server_header=False, proxy_headers=False, timeout_graceful_shutdown=1,
            limit_concurrency=256,
        )  # fmt: skip
        if not token:
            click.echo(f"programs  Authorization: Bearer {keys.token}")
        print_address()
        if opens:
            click.launch(f"{address}{keys.once}")
        try:
            uvicorn.Server(config).run(sockets=[listening])
        except KeyboardInterrupt:
            click.echo("the workbench has ended; what was sent to it is removed", err=True)


def _check_packages() -> None:
    if not all(map(find_spec, ("starlette", "uvicorn", "python_multipart"))):
        problem = "the workbench needs more packages"
        raise InputError(f"{problem}; install them with: pip install 'cqtnet[web]'")


def hosts_of(host: str, port: int) -> frozenset[str]:
    """How browsers name the workbench."""
    names = {_bracketed(host)}
    if _is_own_machine(host):
        names |= {"127.0.0.1", "localhost"}
    return frozenset({f"{name}:{port}" for name in names} | (names if port == 80 else set()))


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host.lower()


def _is_own_machine(host: str) -> bool:
    """Whether only programs of this machine reach an address."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check_address(host: str, token: str | None) -> None:
    """Raise unless who may come in is said, and by which name."""
    if host in ("0.0.0.0", "::", ""):
        raise InputError(
            f"{host!r} does not say where others reach this machine; give one address, as 10.0.0.9"
        )
    if not _is_own_machine(host) and not token:
        raise InputError(
            f"others would reach {host}; give a secret with --token or CQTNET_TOKEN, which they "
            "must show. The connection is not encrypted: use a network that you trust"
        )
    if token is not None and len(token) < LEAST_TOKEN:
        raise InputError(f"the token has {len(token)} characters; give {LEAST_TOKEN} or more")


def _check_archive(archive: Path | None, listen: str | None) -> None:
    """Raise unless the archive can be opened, and is given where a stream is looked for in it."""
    if listen is not None and archive is None:
        raise click.UsageError("--listen looks for what it hears in ARCHIVE; give one")
    if archive is not None:
        from verify.archive.store import Store

        Store.open(archive, check=False).close()


def _socket(host: str, port: int) -> socket.socket:
    """A socket that listens there."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=128)
    except OSError as error:
        raise InputError(
            f"{host}:{port} cannot be used: {error.strerror or error}; try another --port"
        ) from error
