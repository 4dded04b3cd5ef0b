"""The workbench as a web application: its pages, and `/api/v1`."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    HTMLResponse,
    JSONResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Route

from cqtnet.audio import shown
from cqtnet.errors import InputError
from cqtnet.schema import versioned
from verify.report.language import LANGUAGES
from verify.words import clock
from workbench import guard, sound
from workbench.archive import Monitor
from workbench.guard import Guard, Keys, refused
from workbench.jobs import ENDED, Answer, Job, Queue, QueueFullError, Upload

MOST_FILES, MOST_TAG = 64, 100  # recordings in one request, and characters of a tag
PAGES = {"": "compare", "search": "search", "archive": "archive", "voice": "voice", "docs": "docs"}
KINDS = {"css": "text/css", "js": "text/javascript", "json": "application/json"}


@dataclass
class Workbench:
    """What the answers need: the queue, the keys, and the limits."""

    queue: Queue
    keys: Keys
    hosts: frozenset[str]
    most_bytes: int
    monitor: Monitor

    @cached_property
    def pages(self) -> Environment:
        """The templates of the pages."""
        made = Environment(
            loader=PackageLoader("workbench"), autoescape=True,
            trim_blocks=True, lstrip_blocks=True,
        )  # fmt: skip
        limits = f"{self.most_bytes >> 20:,} MB and {self.queue.settings.most_s / 3600:g} hours"
        made.filters |= {"clock": clock, "shown": shown}
        made.globals |= {"has_archive": self.queue.settings.archive is not None, "limits": limits}
        return made

    def app(self) -> Guard:
        """The application, behind its guard."""
        routes = [Route(f"/{path}", self.page) for path in PAGES]
        routes += [
            Route("/style.css", self.style),
            Route("/static/{name}", self.static),
            Route("/openapi.json", self.openapi),
            Route("/healthz", self.health),
            Route("/login", self.log_in, methods=["POST"]),
            Route("/api/v1/compare", self.compare, methods=["POST"]),
            Route("/api/v1/search", self.search, methods=["POST"]),
            Route("/api/v1/detect", self.detect, methods=["POST"]),
            Route("/api/v1/archive", self.browse),
            Route("/api/v1/archive", self.add, methods=["POST"]),
            Route("/api/v1/archive/{number:int}", self.remove, methods=["DELETE"]),
            Route("/api/v1/duplicates", self.duplicates, methods=["POST"]),
            Route("/api/v1/monitor", self.heard),
            Route("/api/v1/jobs", self.jobs),
            Route("/api/v1/events", self.events),
            Route("/api/v1/jobs/{job}", self.job),
            Route("/api/v1/jobs/{job}", self.drop, methods=["DELETE"]),
            Route("/api/v1/jobs/{job}/report", self.report, methods=["POST"]),
            Route("/api/v1/jobs/{job}/fit", self.fit, methods=["POST"]),
            Route("/api/v1/jobs/{job}/reference", self.reference, methods=["POST"]),
            Route("/api/v1/jobs/{job}/files/{name}", self.file),
            Route("/api/v1/jobs/{job}/levels/{side}/{zoom:int}/{number:int}", self.levels),
        ]
        handlers: Any = {
            QueueFullError: lambda request, error: refused(request, 429, str(error)),
            InputError: lambda request, error: refused(request, 400, str(error)),
            HTTPException: lambda request, error: refused(request, error.status_code, error.detail),
        }
        login = self.pages.get_template("login.html.j2").render()
        app = Starlette(routes=routes, exception_handlers=handlers)
        return Guard(app, self.hosts, self.keys, self.most_bytes, login)

    async def page(self, request: Request) -> Response:
        """One of the pages."""
        name = PAGES[request.url.path.strip("/")]
        data: dict[str, Any] = {"page": name}
        if name == "docs":
            data |= {"base": request.base_url, "described": json.loads(_openapi())}
        if name == "archive" and self.queue.settings.archive is not None:
            data |= {"listed": await self._listed(request), "asked": request.query_params}
            data |= {"monitor": self.monitor}
        return HTMLResponse(self.pages.get_template(f"{name}.html.j2").render(data))

    async def style(self, _: Request) -> Response:
        """The style of the report, and what pages add to it."""
        shared = files("verify.report") / "templates/style.css"
        own = files("workbench") / "static/workbench.css"
        return Response(shared.read_text() + own.read_text(), media_type="text/css")

    async def static(self, request: Request) -> Response:
        """A script."""
        name = request.path_params["name"]
        folder = files("workbench") / "static"
        if name not in {one.name for one in folder.iterdir()}:
            raise HTTPException(404, "there is no such file")
        return Response((folder / name).read_bytes(), media_type=KINDS[name.rpartition(".")[2]])

    async def openapi(self, _: Request) -> Response:
        """What `/docs` shows: each request, and the JSON Schema of each answer."""
        return Response(_openapi(), media_type="application/json")

    async def health(self, _: Request) -> Response:
        """Whether the server lives, and how much it has to do."""
        waiting = sum(job.state in ("queued", "running") for job in self.queue)
        return _json(status="ok", waiting=waiting)

    async def log_in(self, request: Request) -> Response:
        """A cookie for the token."""
        async with request.form(max_files=0, max_fields=1) as form:
            let_in = self.keys.log_in(str(form.get("token", "")))
        if let_in is None:
            raise HTTPException(401, "that is not the token")
        return let_in

    async def compare(self, request: Request) -> Response:
        """Jobs that compare A with each B."""
        async with request.form(max_files=MOST_FILES, max_fields=8) as form:
            options = {
                "against": guard.choice(form, "against", "rendition", "unrelated") or "rendition",
                "population": guard.choice(form, "population", "music", "speech"),
            }
            guard.refuse_unknown(form, {"a", "b", *options})
            a, others = guard.files_of(form, "a"), guard.files_of(form, "b")
            if len(a) != 1 or not others:
                raise InputError("give one recording as a, and one or several as b")
            (kept,) = await self.kept(a)
            pairs = [{"a": kept, "b": b} for b in await self.kept(others)]
        return self.accepted("compare", pairs, options)

    async def search(self, request: Request) -> Response:
        """Jobs that look for recordings in the archive."""
        self._need_archive()
        return await self.detect(request, "search")

    async def detect(self, request: Request, kind: str = "detect") -> Response:
        """Jobs that judge voices, or of another kind, each on one recording."""
        async with request.form(max_files=MOST_FILES, max_fields=8) as form:
            guard.refuse_unknown(form, {"file"})
            uploads = await self.kept(guard.files_of(form, "file"))
        return self.accepted(kind, [{"a": upload} for upload in uploads])

    async def browse(self, request: Request) -> Response:
        """Recordings of the archive."""
        return _json(**await self._listed(request))

    async def _listed(self, request: Request) -> dict[str, Any]:
        """What the archive is, and some of its recordings."""
        folder, wanted = self._need_archive(), request.query_params
        start = guard.number_of(wanted, "start", 0, 1 << 40)
        count = guard.number_of(wanted, "count", 50, 500)

        def look() -> dict[str, Any]:
            from verify.archive.listing import describe
            from verify.archive.store import Store

            with Store.open(folder, check=False) as store:
                text, tag = wanted.get("text") or None, wanted.get("tag") or None
                found = store.entries(text=text, tag=tag)
                listed = found[start : start + count]
                return {"archive": describe(store), "total": len(found), "recordings": listed}

        return await run_in_threadpool(look)

    async def add(self, request: Request) -> Response:
        """A job that adds recordings to the archive."""
        self._need_archive()
        async with request.form(max_files=MOST_FILES, max_fields=8) as form:
            guard.refuse_unknown(form, {"file", "tag"})
            tags = [tag.strip() for tag in str(form.get("tag", "")).split(",") if tag.strip()]
            if any(len(tag) > MOST_TAG for tag in tags):
                raise InputError(f"a tag has at most {MOST_TAG} characters")
            uploads = await self.kept(guard.files_of(form, "file"))
        files = {str(number): upload for number, upload in enumerate(uploads)}
        return self.accepted("add", [files], {"tags": tags})

    async def remove(self, request: Request) -> Response:
        """A job that removes a recording of the archive."""
        self._need_archive()
        return self.accepted("remove", [{}], {"number": request.path_params["number"]})

    async def duplicates(self, _: Request) -> Response:
        """A job that finds recordings that share sound."""
        self._need_archive()
        return self.accepted("duplicates", [{}])

    async def heard(self, request: Request) -> Response:
        """What the stream that the workbench listens to has played."""
        after = guard.number_of(request.query_params, "after", 0, 1 << 40)
        return _json(**self.monitor.told(after))

    async def kept(self, sent: list[UploadFile]) -> list[Upload]:
        """Files that were sent, under random names."""
        if not sent:
            raise InputError("give a recording, or several, as file")
        uploads = []
        for one in sent:
            if not self.queue.has_room(one.size or 0):
                problem = "the disk of this machine is nearly full; nothing was kept"
                raise HTTPException(507, problem)
            uploads.append(self.queue.keep.new(one.filename or ""))
            with open(uploads[-1].path, "xb") as file:
                await run_in_threadpool(shutil.copyfileobj, one.file, file, 1 << 20)
        return uploads

    def accepted(
        self, kind: str, sent: list[dict[str, Upload]], options: dict[str, Any] | None = None
    ) -> Response:
        """New jobs, taken up."""
        jobs = self.queue.add(kind, sent, options or {})
        return _json(202, jobs=[self.queue.told(job) for job in jobs])

    def find(self, request: Request) -> Job:
        """The job that a request names."""
        job = self.queue.get(request.path_params["job"])
        if job is None:
            raise HTTPException(404, "there is no such job; the workbench may have started anew")
        return job

    def finished(self, request: Request, *kinds: str) -> tuple[Job, Answer]:
        """The job that a request names, of one of these kinds, and what it came to."""
        job = self.find(request)
        if job.answer is None or (kinds and job.kind not in kinds):
            raise HTTPException(409, f"the job is {job.state}, and of the kind {job.kind}")
        return job, job.answer

    def _need_archive(self) -> Path:
        if self.queue.settings.archive is None:
            problem = "the workbench was started without an archive"
            raise HTTPException(404, f"{problem}; use `cqtnet serve ARCHIVE`")
        return self.queue.settings.archive

    async def jobs(self, _: Request) -> Response:
        """All jobs that are known."""
        return _json(jobs=[self.queue.told(job) for job in self.queue])

    async def job(self, request: Request) -> Response:
        """A job with its result."""
        job = self.find(request)
        result, html = (job.answer.result, job.answer.html) if job.answer else (None, "")
        return JSONResponse({**self.queue.told(job), "result": result, "html": html})

    async def drop(self, request: Request) -> Response:
        """Cancel a job, or drop one that has ended with its files."""
        job = self.find(request)
        if job.state in ENDED:
            self.queue.forget(job)
        else:
            await run_in_threadpool(self.queue.cancel, job)
        return JSONResponse(self.queue.told(job))

    async def events(self, request: Request) -> Response:
        """News of jobs as server-sent events, until all have ended."""
        names = request.query_params.getlist("job")[: 2 * MOST_FILES]

        async def news() -> AsyncIterator[str]:
            known: dict[str, Any] = {}
            looks = 0
            while True:
                for name in names:
                    job = self.queue.get(name)
                    state = self.queue.told(job) if job else {"id": name, "state": "unknown"}
                    if state != known.get(name):
                        known[name], looks = state, 0
                        yield f"data: {json.dumps(state)}\n\n"
                if all(state["state"] in (*ENDED, "unknown") for state in known.values()):
                    return
                looks += 1
                if looks % 100 == 0:  # no news for ten seconds: a sign of life
                    yield ":\n\n"
                await asyncio.sleep(0.1)

        return StreamingResponse(news(), media_type="text/event-stream")

    async def report(self, request: Request) -> Response:
        """A job that writes the page of a comparison."""
        job, _ = self.finished(request, "compare")
        form = request.query_params.get("form", "html")
        if form not in ("html", "pdf"):
            raise InputError(f"a report is html or pdf, not {form!r}")
        language = request.query_params.get("language", "en")
        if language not in LANGUAGES:
            raise InputError(f"a report is in en or ru, not {language!r}")
        options = job.options | {"form": form, "language": language}
        return self.accepted("report", [job.files], options)

    async def fit(self, request: Request) -> Response:
        """A job that brings a stretch of B to the tempo and pitch of A."""
        job, answer = self.finished(request, "compare")
        stretch = guard.chosen(request, "stretch", guard.stretches(answer.result))
        return self.accepted("fit", [job.files], {"stretch": stretch})

    async def reference(self, request: Request) -> Response:
        """A job that cuts the reference of a match out of the archive."""
        job, answer = self.finished(request, "search")
        match = guard.chosen(request, "match", guard.matches(answer.result))
        return self.accepted("reference", [job.files], {"match": match})

    async def file(self, request: Request) -> Response:
        """A file that a job made."""
        (_, answer), name = self.finished(request), request.path_params["name"]
        if name == "result.json":
            content = json.dumps(answer.result, ensure_ascii=False, indent=1)
            return Response(content, media_type="application/json", headers=guard.attached(name))
        if (path := answer.files.get(name)) is None:
            raise HTTPException(404, f"the job made no file {name!r}")
        if name.endswith(".wav"):
            return FileResponse(path, media_type="audio/wav")
        return FileResponse(path, headers=guard.attached(name))

    async def levels(self, request: Request) -> Response:
        """A tile of a spectrogram."""
        _, answer = self.finished(request)
        path = answer.files.get(f"sound-{request.path_params['side']}.wav")
        zoom, number = request.path_params["zoom"], request.path_params["number"]
        if path is None or zoom > sound.MOST_ZOOM or number > sound.MOST_TILES:
            raise HTTPException(404, "there is no such tile")
        content = await run_in_threadpool(sound.tile, path, zoom, number)
        headers = {"cache-control": "private, max-age=3600"}
        return Response(content, media_type="image/png", headers=headers)


def _json(code: int = 200, /, **content: Any) -> Response:
    return JSONResponse(versioned(content), code)


def _openapi() -> str:
    return (files("workbench") / "openapi.json").read_text(encoding="utf-8")
