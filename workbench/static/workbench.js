// The pages of the workbench: files are dropped and sent, jobs are followed, answers are shown.
import { Player, clock, make } from "./player.js";

const $ = (query, root = document) => root.querySelector(query);

/** The JSON of an answer; an Error with the server's own words where it refuses. */
export async function ask(method, path, body) {
  let answer;
  try {
    answer = await fetch(path, { method, body });
  } catch {
    throw new Error("The workbench does not answer. Is `cqtnet serve` still running?");
  }
  const plain = await answer.json().catch(() => ({}));
  if (answer.status === 401) throw new Error(STRANGER);
  if (!answer.ok) throw new Error(plain.error || `The workbench answered ${answer.status}.`);
  return plain;
}
const STRANGER =
  "The workbench was started anew and does not know this page. Open the address that it printed.";
const LOST = "The workbench has forgotten this job: it was started anew. Send the recordings again.";

/** Send a form, telling the share that is sent; fetch could not tell it. */
function send(path, data, onShare) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", path);
    request.responseType = "json";
    request.upload.onprogress = (event) => onShare(event.loaded / event.total);
    request.onload = () => {
      if (request.status === 202) resolve(request.response.jobs);
      else reject(new Error(request.status === 401 ? STRANGER : request.response?.error));
    };
    request.onerror = () =>
      reject(new Error("The recordings could not be sent; is `cqtnet serve` still running?"));
    request.send(data);
  });
}

// --- Jobs -------------------------------------------------------------------------------------

const rows = new Map(); // job → its row on the page
let events = null;

/** Follow jobs by one connection a page, which is closed while nobody looks. */
function follow() {
  events?.close();
  events = null;
  const open = [...rows.values()].filter((row) => !row.ended).map((row) => `job=${row.id}`);
  if (!open.length || document.hidden) return;
  events = new EventSource(`/api/v1/events?${open.join("&")}`);
  events.onmessage = (event) => {
    const state = JSON.parse(event.data);
    rows.get(state.id)?.show(state);
  };
  events.onerror = () => {
    if (events?.readyState === EventSource.CLOSED) {
      for (const row of rows.values()) if (!row.ended) row.fail(STRANGER);
    }
  };
}
document.addEventListener("visibilitychange", follow);

/** A job on the page: its stage, its share, its time left, and a button that cancels it. */
class Row {
  constructor(id, { onDone, quiet = false, place = $("#jobs") }) {
    this.id = id;
    this.ended = false;
    this.onDone = onDone;
    this.quiet = quiet;
    this.words = make("span", { class: "stage" }, "waiting");
    this.bar = make("progress", { max: 1, value: 0, "aria-label": "Progress" });
    this.button = make("button", { type: "button", onclick: () => this.cancel() }, "Cancel");
    this.element = make("div", { class: "job" }, this.words, this.bar, this.button);
    place.append(this.element);
    rows.set(id, this);
  }

  show(state) {
    const names = Object.values(state.files || {}).join(" – ");
    if (state.state === "unknown") return this.fail(LOST);
    if (state.state === "failed") return this.fail(`${names}: ${state.error}`);
    if (state.state === "cancelled") return this.fail(`${names}: cancelled`);
    if (state.state === "done") return this.done();
    const ahead = state.before === 1 ? "1 job comes first" : `${state.before} jobs come first`;
    const left = state.left_s === null ? "" : `, about ${Math.ceil(state.left_s)} s left`;
    const waits = state.state === "queued" && state.before > 0;
    this.words.textContent = `${names}: ${waits ? `waiting, ${ahead}` : state.stage}${left}`;
    this.bar.value = state.share;
  }

  end() {
    this.ended = true;
    if ([...rows.values()].every((row) => row.ended)) follow();
  }

  async done() {
    if (this.ended) return;
    this.end();
    try {
      const whole = await ask("GET", `/api/v1/jobs/${this.id}`);
      this.element.remove();
      this.onDone(whole);
    } catch (error) {
      this.fail(error.message);
    }
  }

  fail(words) {
    this.end();
    this.words.textContent = words;
    this.element.classList.add("failed");
    this.bar.remove();
    this.button.remove();
    this.element.setAttribute("role", "alert");
  }

  async cancel() {
    try {
      this.show(await ask("DELETE", `/api/v1/jobs/${this.id}`));
    } catch (error) {
      this.fail(error.message);
    }
  }
}

/** Start a job that follows from another, and wait for it; its row stands in `place`. */
export async function follows(path, place) {
  const { jobs } = await ask("POST", path);
  return new Promise((resolve) => {
    new Row(jobs[0].id, { onDone: resolve, place });
    follow();
  });
}

/** Show jobs until they are done, then their results in their order; the address keeps them. */
function showJobs(ids) {
  const places = ids.map((id) => make("article", { class: "result", "data-job": id }));
  $("#results").replaceChildren(...places);
  ids.forEach((id, number) => {
    new Row(id, { onDone: (whole) => show(whole, places[number], ids.length === 1) });
  });
  history.replaceState(null, "", `#${ids.join(",")}`);
  follow();
}

function show(whole, place, isOnly) {
  place.replaceChildren();
  SHOWN[whole.kind](whole, place);
  if (isOnly) {
    const heading = $("h1, h2", place);
    heading?.setAttribute("tabindex", "-1");
    heading?.focus();
  }
  $("#ask")?.classList.add("asked");
}

// --- Forms ------------------------------------------------------------------------------------

function prepareDrop(drop) {
  const input = $("input", drop);
  const told = $(".chosen", drop);
  const tell = () => {
    const names = [...input.files].map((file) => file.name); // of one, the input shows the name
    told.textContent = names.length ? names.slice(1).length ? names.join(", ") : "" : told.dataset.empty;
  };
  told.dataset.empty = told.textContent;
  input.addEventListener("change", tell);
  for (const name of ["dragenter", "dragover"]) {
    drop.addEventListener(name, (event) => {
      event.preventDefault();
      drop.classList.add("over");
    });
  }
  for (const name of ["dragleave", "drop"]) {
    drop.addEventListener(name, () => drop.classList.remove("over"));
  }
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    const files = new DataTransfer();
    const dropped = [...event.dataTransfer.files];
    for (const file of input.multiple ? dropped : dropped.slice(0, 1)) files.items.add(file);
    input.files = files.files;
    tell();
  });
}

async function submit(event) {
  event.preventDefault();
  const form = event.target;
  const button = $("button[type=submit]", form);
  const words = button.textContent;
  $("#problem").textContent = "";
  $("#jobs").replaceChildren();
  rows.clear();
  button.disabled = true;
  try {
    const jobs = await send(form.getAttribute("action"), new FormData(form), (share) => {
      button.textContent = `Sending, ${Math.round(100 * share)} %`;
    });
    showJobs(jobs.map((job) => job.id));
  } catch (error) {
    $("#problem").textContent = error.message || "The workbench gave no answer.";
  } finally {
    button.disabled = false;
    button.textContent = words;
  }
}

// --- Results ----------------------------------------------------------------------------------

const SHOWN = {
  compare: showComparison, detect: showVoice, search: showSearch, duplicates: showText, add: showAdded,
};

/** A link to a file of a job. */
function download(job, name, words) {
  return make("a", { href: `/api/v1/jobs/${job}/files/${name}`, download: name }, words);
}

/** A button that has a report written, and then downloads it. */
function reportButton(job, form, language, place) {
  const onclick = async () => {
    try {
      const asked = `form=${form}&language=${language.value}`;
      const done = await follows(`/api/v1/jobs/${job}/report?${asked}`, place);
      const link = download(done.id, done.downloads[0], `The report, ${form.toUpperCase()}`);
      place.replaceChildren(link);
      link.click();
    } catch (error) {
      place.textContent = error.message;
    }
  };
  return make("button", { type: "button", onclick }, `Report, ${form.toUpperCase()}`);
}

function showComparison(whole, place) {
  place.innerHTML = whole.html; // made from templates that escape every value
  const result = whole.result;
  const same = result.verdict === "same";
  const found = same && result.edits?.stretches?.length ? result.edits.stretches : null;
  const stretches = found || (result.alignment ? [result.alignment] : []);
  new Player($(".player-here", place), {
    job: whole.id,
    a: { name: result.a.path, duration_s: result.a.duration_s },
    b: { name: result.b.path, duration_s: result.b.duration_s },
    stretches,
    isSame: same,
    edits: (same && result.edits?.edits) || [],
    fit: (number, row) => follows(`/api/v1/jobs/${whole.id}/fit?stretch=${number}`, row),
  });
  const waiting = make("span", { class: "waiting" });
  const language = make(
    "select",
    { "aria-label": "Language of the report" },
    make("option", { value: "en" }, "English"),
    make("option", { value: "ru", lang: "ru" }, "Русский"),
  );
  place.append(
    make(
      "p",
      { class: "downloads" },
      make("b", {}, "Take away: "),
      language,
      reportButton(whole.id, "html", language, waiting),
      reportButton(whole.id, "pdf", language, waiting),
      download(whole.id, "result.json", "JSON"),
      whole.downloads.includes("labels.txt")
        ? download(whole.id, "labels.txt", "Audacity labels of A")
        : null,
      whole.downloads.includes("labels.csv")
        ? download(whole.id, "labels.csv", "Reaper regions of A")
        : null,
      waiting,
    ),
  );
}

/** The verdict and the curve, on which a line shows where one listens. */
function showVoice(whole, place) {
  place.innerHTML = whole.html;
  const source = `/api/v1/jobs/${whole.id}/files/sound-a.wav`;
  const audio = make("audio", { controls: true, preload: "metadata", src: source });
  const curve = $(".curve", place);
  const duration = whole.result.duration_s;
  if (curve) {
    const [left, , width] = curve.getAttribute("viewBox").split(" ").map(Number);
    const end = width + left - 4;
    audio.addEventListener("timeupdate", () => {
      for (const name of ["x1", "x2"]) {
        $(".head", curve).setAttribute(name, (end * audio.currentTime) / duration);
      }
    });
    curve.addEventListener("click", (event) => {
      const box = curve.getBoundingClientRect();
      const at = left + ((event.clientX - box.left) / box.width) * width;
      audio.currentTime = Math.min(Math.max(0, at / end), 1) * duration;
      audio.play();
    });
  }
  place.append(audio, make("p", { class: "downloads" }, download(whole.id, "result.json", "JSON")));
}

/** What the archive holds of a query; each match can be heard beside its reference. */
function showSearch(whole, place) {
  place.innerHTML = whole.html;
  const { matches, renditions, nearest } = whole.result;
  const all = [...matches, ...renditions, ...(nearest ? [nearest] : [])]; // as the items are ordered
  place.querySelectorAll(".matches li").forEach((item, number) => {
    const waiting = make("span", { class: "waiting" });
    const listen = async () => {
      try {
        const done = await follows(`/api/v1/jobs/${whole.id}/reference?match=${number}`, waiting);
        showBeside(done, all[number], number < matches.length, whole.result, place);
      } catch (error) {
        waiting.textContent = error.message;
      }
    };
    item.append(" ", make("button", { type: "button", onclick: listen }, "Look and listen"), waiting);
  });
  place.append(make("p", { class: "downloads" }, download(whole.id, "result.json", "JSON")));
}

/** The query above a reference of the archive, of which only a part is here. */
function showBeside(done, match, isSame, result, place) {
  const offset = done.result.start_s;
  const here = make("div", { class: "player-here" });
  const old = $(".player-box, .player-here", place);
  old.replaceWith(here);
  const stretch = {
    ...match, a_start_s: match.query_start_s, a_end_s: match.query_end_s,
    b_start_s: match.reference_start_s - offset, b_end_s: match.reference_end_s - offset,
  };
  const player = new Player(here, {
    job: done.id, stretches: [stretch], isSame, edits: [],
    a: { name: result.query, duration_s: result.duration_s },
    b: { name: match.path, duration_s: done.result.duration_s, offset_s: offset },
  });
  player.goTo(stretch);
}

function showText(whole, place) {
  place.innerHTML = whole.html;
}

function showAdded(whole, place) {
  const { counts, failed } = whole.result;
  const words = Object.entries(counts).map(([what, count]) => `${count} ${what}`).join(", ");
  place.append(
    make("p", {}, `${words}. `, make("a", { href: "/archive" }, "Show the archive as it is now")),
    make("ul", {}, ...Object.values(failed).map((why) => make("li", {}, why))),
  );
}

// --- Buttons that start a job, and the log of a stream -------------------------------------------

async function startJob(button) {
  if (button.dataset.ask && !confirm(button.dataset.ask)) return;
  $("#problem").textContent = "";
  try {
    const { jobs } = await ask(button.dataset.method || "POST", button.dataset.job);
    if (button.dataset.then === "reload") new Row(jobs[0].id, { onDone: () => location.reload() });
    else showJobs(jobs.map((job) => job.id));
    follow();
  } catch (error) {
    $("#problem").textContent = error.message;
  }
}

async function showLog(table, after = 0) {
  const told = await ask("GET", `/api/v1/monitor?after=${after}`).catch(() => null);
  for (const event of told?.events ?? []) {
    const cells = event.event === "summary"
      ? [event.day, "summary", `${event.recordings.length} recordings`, ""]
      : [event.event === "began" ? event.start : event.end, event.event, event.path, `ln ${event.log_lr.toFixed(1)}`];
    $("tbody", table).prepend(make("tr", {}, ...cells.map((cell) => make("td", {}, cell))));
  }
  setTimeout(showLog, 2000, table, told?.next ?? after);
}

// --- Start ------------------------------------------------------------------------------------

document.querySelectorAll(".drop").forEach(prepareDrop);
$("#ask")?.addEventListener("submit", submit);
for (const button of document.querySelectorAll("[data-job]")) {
  button.addEventListener("click", () => startJob(button));
}
if ($("#log")) showLog($("#log"));
const known = location.hash.slice(1).split(",").filter((id) => /^[0-9a-f]+$/.test(id));
if (known.length && $("#results")) showJobs(known);
