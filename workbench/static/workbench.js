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
    const names = [...input.files].map((file) => file.name);
    told.textContent = names.join(", ") || told.dataset.empty;
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

const SHOWN = { compare: showComparison, detect: showVoice };

/** A link to a file of a job. */
function download(job, name, words) {
  return make("a", { href: `/api/v1/jobs/${job}/files/${name}`, download: name }, words);
}

/** The answer in a line, which the server has escaped. */
function headline(whole) {
  const line = make("p", { class: "ratio" });
  line.innerHTML = whole.html;
  return line;
}

/** A button that has a report written, and then downloads it. */
function reportButton(job, form, place) {
  const onclick = async () => {
    try {
      const done = await follows(`/api/v1/jobs/${job}/report?form=${form}`, place);
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
  place.append(
    make(
      "p",
      { class: "downloads" },
      make("b", {}, "Take away: "),
      reportButton(whole.id, "html", waiting),
      reportButton(whole.id, "pdf", waiting),
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

function showVoice(whole, place) {
  const result = whole.result;
  const kinds = { synthetic: "different", human: "same", insufficient: "insufficient" };
  place.append(
    make("h2", {}, result.path),
    make(
      "div",
      { class: `verdict ${kinds[result.verdict]}` },
      headline(whole),
      make("ul", {}, ...result.reasons.map((reason) => make("li", {}, reason))),
      make(
        "p",
        {},
        result.score === null
          ? "No score could be given."
          : `Score ${result.score.toFixed(2)} on average over ${clock(result.sound_s)} with sound, of ` +
              `${clock(result.duration_s)}. Trained on ${result.trained_on}.`,
      ),
    ),
  );
  if (result.score !== null) place.append(curve(whole));
  place.append(make("p", { class: "downloads" }, download(whole.id, "result.json", "JSON")));
}

const SVG = "http://www.w3.org/2000/svg";

function draw(tag, attributes, text) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

/** The score of each window over time; a click plays from there. */
function curve(whole) {
  const { windows, duration_s } = whole.result;
  const scored = windows.filter((one) => one.score !== null);
  const most = Math.max(2, ...scored.map((one) => Math.abs(one.score)));
  const [width, height, left] = [800, 220, 110];
  const x = (second) => left + ((width - left) * second) / Math.max(duration_s, 1e-3);
  const y = (score) => height / 2 - (score / most) * (height / 2 - 18);
  const svg = draw("svg", { viewBox: `0 0 ${width} ${height + 24}`, class: "curve", role: "img" });
  svg.append(
    draw("title", {}, "The score over time: above the line for synthetic, below it for human"),
    draw("line", { x1: left, x2: width, y1: y(0), y2: y(0), class: "zero" }),
    draw("text", { x: 0, y: 24 }, "synthetic"),
    draw("text", { x: 0, y: y(0) + 5 }, "neither"),
    draw("text", { x: 0, y: height - 10 }, "human"),
    draw("text", { x: left, y: height + 18 }, "0:00"),
    draw("text", { x: width, y: height + 18, "text-anchor": "end" }, clock(duration_s)),
  );
  for (const one of scored) {
    const at = { x1: x(one.start_s), x2: x(one.end_s), y1: y(one.score), y2: y(one.score) };
    svg.append(draw("line", { ...at, class: "score" }));
  }
  const line = draw("line", { x1: left, x2: left, y1: 0, y2: height, class: "head" });
  svg.append(line);
  const source = `/api/v1/jobs/${whole.id}/files/sound-a.wav`;
  const audio = make("audio", { controls: true, preload: "metadata", src: source });
  audio.addEventListener("timeupdate", () => {
    line.setAttribute("x1", x(audio.currentTime));
    line.setAttribute("x2", x(audio.currentTime));
  });
  svg.addEventListener("click", (event) => {
    const box = svg.getBoundingClientRect();
    const at = ((event.clientX - box.left) / box.width) * width;
    audio.currentTime = Math.max(0, ((at - left) / (width - left)) * duration_s);
    audio.play();
  });
  return make(
    "figure",
    {},
    svg,
    make("figcaption", {}, "Each line is a window: how far its score speaks for either side."),
    audio,
  );
}

// --- Start ------------------------------------------------------------------------------------

document.querySelectorAll(".drop").forEach(prepareDrop);
$("#ask")?.addEventListener("submit", submit);
const known = location.hash.slice(1).split(",").filter((id) => /^[0-9a-f]+$/.test(id));
if (known.length && $("#results")) showJobs(known);

// --- The description of the interface ---------------------------------------------------------

async function showInterface(place) {
  const described = await ask("GET", "/openapi.json");
  const name = (schema) => schema?.$ref?.split("/").pop();
  for (const [path, methods] of Object.entries(described.paths)) {
    for (const [method, one] of Object.entries(methods)) {
      const sent = one.requestBody?.content["multipart/form-data"].schema;
      const fields = Object.entries(sent?.properties ?? {}).map(([key, schema]) =>
        [key, schema.description ?? schema.enum?.filter(Boolean).join(" or ") ?? "recordings"]);
      for (const given of one.parameters ?? []) fields.push([given.name, given.description]);
      const [code, answer] = Object.entries(one.responses)[0];
      const [kind, content] = Object.entries(answer.content)[0];
      const schema = name(content.schema);
      place.append(
        make("h2", {}, make("code", {}, `${method.toUpperCase()} ${path}`)),
        make("p", {}, `${one.summary}.`),
        make("ul", {}, ...fields.map(([key, words]) => make("li", {}, make("code", {}, key), ` ${words}`))),
        make("p", {}, `Answer ${code}: `,
          schema ? make("a", { href: `#schema-${schema}` }, schema) : kind),
      );
    }
  }
  for (const [key, schema] of Object.entries(described.components.schemas)) {
    place.append(
      make("h2", { id: `schema-${key}` }, key),
      schema.description ? make("p", {}, `${schema.description}.`) : "",
      make("details", {}, make("summary", {}, "JSON Schema"),
        make("pre", { tabindex: 0 }, JSON.stringify(schema, null, 1))),
    );
  }
}
if ($("#interface")) showInterface($("#interface"));
