// Two recordings on one clock: spectrograms, what they share, and the sound of both.

const TILE = 512; // columns of a tile, as the server makes them
const COLUMN_S = 1 / 128; // seconds of a column at zoom 0
const MOST_TILES = 160; // pictures that are kept
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b58900", "#56b4e9"];
const [ROW, STRIP, AXIS] = [150, 56, 22]; // heights: a spectrogram, the strip, the axis
const HEIGHT = 2 * ROW + STRIP + AXIS;
const DARK = matchMedia("(prefers-color-scheme: dark)");
const LEFT = 26; // where the names of the rows stand
const NEAR_S = 0.012; // two sounds that are so close to each other need no correction
const FAR_S = 0.25; // from here on a seek corrects them, below it a slight change of speed

/** A time as minutes and seconds. */
export function clock(seconds) {
  const sign = seconds < -0.005 ? "−" : "";
  const hundredths = Math.round(100 * Math.abs(seconds));
  const hours = Math.floor(hundredths / 360000);
  const minutes = Math.floor(hundredths / 6000) % 60;
  const rest = ((hundredths % 6000) / 100).toFixed(2).padStart(5, "0");
  return sign + (hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`);
}

/** An element with attributes, listeners (`onclick`) and children. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== false || name.startsWith("aria-")) {
      element.setAttribute(name, value === true && !name.startsWith("aria-") ? "" : value);
    }
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/**
 * A region of a page with the spectrograms of A and B, and their sound.
 *
 * given: { job, a: {name, duration_s}, b: {name, duration_s}, stretches, isSame, edits, fit }.
 * A stretch has a_start_s, a_end_s, b_start_s, b_end_s, tempo and shift_semitones.
 */
export class Player {
  constructor(root, given) {
    Object.assign(this, given);
    this.sides = { a: given.a, b: given.b };
    this.offset = given.b.offset_s ?? 0; // of a B that is cut out of a longer one
    this.heard = "a";
    this.atA = this.stretches[0]?.a_start_s ?? 0;
    this.tiles = new Map();
    this.loop = false;
    this.fitted = null; // { number, audio } of a stretch of B at the tempo and pitch of A
    this.dirty = true;
    this.main = [...this.stretches].sort((x, y) => length(y) - length(x))[0] ?? {
      a_start_s: 0, a_end_s: this.a.duration_s, b_start_s: 0, b_end_s: this.b.duration_s,
      tempo: 1, shift_semitones: 0,
    };
    this.build(root);
    this.whole();
    if (this.stretches.length && this.span() > 20 * this.mainSpan()) this.goTo(this.main, false);
    requestAnimationFrame(() => this.frame());
  }

  // --- Clocks: of A, of B, and the picture, which is that of B ---------------------------------

  /** The stretch that a second of A, or of B, lies in, or the nearest one. */
  at(second, side = "a") {
    const away = (one) =>
      Math.max(one[`${side}_start_s`] - second, second - one[`${side}_end_s`], 0);
    return this.stretches.reduce((x, y) => (away(y) < away(x) ? y : x), this.main);
  }

  toB(aSecond, stretch = this.at(aSecond)) {
    return stretch.b_start_s + stretch.tempo * (aSecond - stretch.a_start_s);
  }

  toA(bSecond, stretch = this.at(bSecond, "b")) {
    return stretch.a_start_s + (bSecond - stretch.b_start_s) / stretch.tempo;
  }

  /** Where a second of a side is drawn, on the clock of B: A lies along its longest stretch. */
  drawn(second, side) {
    return side === "b" ? second : this.toB(second, this.main);
  }

  x(second) {
    return LEFT + ((second - this.from) / (this.to - this.from)) * (this.width - LEFT);
  }

  second(x) {
    return this.from + ((x - LEFT) / (this.width - LEFT)) * (this.to - this.from);
  }

  span() {
    return this.to - this.from;
  }

  mainSpan() {
    return this.main.b_end_s - this.main.b_start_s;
  }

  // --- The page -------------------------------------------------------------------------------

  build(root) {
    this.canvas = make("canvas", { height: HEIGHT });
    this.told = make("p", { class: "told", "aria-live": "polite" });
    this.times = make("output", { class: "times" });
    this.waits = make("span", { class: "waiting" });
    const button = (words, does, more = {}) =>
      make("button", { type: "button", onclick: does, ...more }, words);
    this.playButton = button("Play", () => this.toggle());
    this.sideButtons = ["a", "b"].map((side) =>
      button(`Hear ${side.toUpperCase()}`, () => this.hear(side), { "aria-pressed": false }),
    );
    this.loopButton = button("Loop", () => this.setLoop(!this.loop), { "aria-pressed": false });
    this.fitButton = button("B as A: tempo and pitch", () => this.toggleFit(), {
      "aria-pressed": false,
    });
    this.stage = make(
      "div",
      {
        class: "stage", tabindex: 0, role: "group", "aria-describedby": "keys",
        "aria-label": "Spectrograms of A and B, and their sound",
        onkeydown: (event) => this.key(event),
      },
      this.canvas,
    );
    const zooms = make(
      "span",
      { class: "group", role: "group", "aria-label": "Zoom" },
      button("+", () => this.zoom(0.5), { "aria-label": "Zoom in" }),
      button("−", () => this.zoom(2), { "aria-label": "Zoom out" }),
      button("Whole", () => this.whole()),
    );
    const bar = make("div", { class: "bar" }, this.playButton, ...this.sideButtons);
    if (this.stretches.length && this.isSame) bar.append(this.loopButton, ...(this.fit ? [this.fitButton] : []));
    bar.append(zooms, this.times, this.waits);
    this.afterStage = this.playButton;
    const keys = make(
      "p",
      { class: "keys", id: "keys" },
      "In the picture: ", make("kbd", {}, "space"), " plays, ", make("kbd", {}, "Tab"),
      " changes between A and B, ", make("kbd", {}, "←"), " ", make("kbd", {}, "→"), " move, ",
      make("kbd", {}, "+"), " ", make("kbd", {}, "−"), " zoom, ", make("kbd", {}, "L"),
      " loops, ", make("kbd", {}, "Esc"), " leaves. Drag to move, click to listen from there.",
    );
    this.stage.player = this; // for scripts that drive the page
    root.replaceWith(
      make("section", { class: "player-box", "aria-label": "Look and listen" }, this.stage, bar,
        keys, this.told, this.lists()),
    );
    this.prepareSound();
    this.preparePointer();
    new ResizeObserver(() => this.resize()).observe(this.stage);
    DARK.addEventListener("change", () => (this.dirty = true));
    this.resize();
    this.showHeard();
  }

  /** Stretches and edits, each a click away. */
  lists() {
    const box = make("div", { class: "lists" });
    const add = (title, items) => {
      if (items.length) box.append(make("div", {}, make("h2", {}, title), make("ol", {}, ...items)));
    };
    const span = (from, to) => (clock(from) === clock(to) ? clock(from) : `${clock(from)}–${clock(to)}`);
    const spans = (one) =>
      `A ${span(one.a_start_s, one.a_end_s)}, ` +
      `B ${span(one.b_start_s + this.offset, one.b_end_s + this.offset)}`;
    const item = (one, words, colour) =>
      make(
        "li",
        {},
        make("button", { type: "button", class: "link", onclick: () => this.goTo(one) },
          make("i", { class: `mark mark-${colour}` }), spans(one)),
        ` ${words}`,
      );
    add(
      this.isSame ? "What A and B share" : "The nearest place",
      this.stretches.map((one, number) => item(one, changes(one), this.isSame ? number % 6 : "none")),
    );
    add("Edits", this.edits.map((one) => item(one, `${one.kind}: ${one.words}`, "none")));
    return box;
  }

  resize() {
    this.width = Math.max(240, this.stage.clientWidth);
    const scale = window.devicePixelRatio || 1;
    this.canvas.width = this.width * scale;
    this.canvas.height = HEIGHT * scale;
    this.scale = scale;
    this.dirty = true;
  }

  // --- The picture ----------------------------------------------------------------------------

  frame() {
    if (!this.canvas.isConnected) return this.stop();
    if (this.playing()) this.tick();
    if (this.dirty) this.draw();
    requestAnimationFrame(() => this.frame());
  }

  draw() {
    this.dirty = false;
    const style = getComputedStyle(this.stage);
    this.paper = style.getPropertyValue("--paper").trim();
    this.ink = style.getPropertyValue("--ink").trim();
    this.pale = style.getPropertyValue("--pale").trim();
    const to = this.canvas.getContext("2d");
    to.setTransform(this.scale, 0, 0, this.scale, 0, 0);
    to.fillStyle = this.paper;
    to.fillRect(0, 0, this.width, HEIGHT);
    to.save();
    to.beginPath();
    to.rect(LEFT, 0, this.width - LEFT, HEIGHT);
    to.clip();
    this.drawLevels(to, "a", 0);
    this.drawLevels(to, "b", ROW + STRIP);
    this.drawShared(to);
    this.drawHead(to);
    to.restore();
    this.drawAxis(to);
  }

  drawLevels(to, side, top) {
    const { duration_s: duration } = this.sides[side];
    const stretchOf = side === "a" ? this.main.tempo : 1; // seconds of the picture in one of its own
    const perPixel = this.span() / (this.width - LEFT) / stretchOf;
    const zoom = Math.min(14, Math.max(0, Math.round(Math.log2(perPixel / COLUMN_S))));
    const tileS = TILE * COLUMN_S * 2 ** zoom;
    const own = (second) => (side === "a" ? this.toA(second, this.main) : second);
    const first = Math.max(0, Math.floor(own(this.from) / tileS));
    const last = Math.min(Math.floor(own(this.to) / tileS), Math.floor(duration / tileS));
    const end = this.x(this.drawn(duration, side));
    to.save();
    to.beginPath();
    to.rect(this.x(this.drawn(0, side)), top, end - this.x(this.drawn(0, side)), ROW);
    to.clip();
    to.imageSmoothingQuality = "high";
    for (let number = first; number <= last; number++) {
      const image = this.tile(side, zoom, number);
      if (!image) continue;
      const left = this.x(this.drawn(number * tileS, side));
      const right = this.x(this.drawn((number + 1) * tileS, side));
      to.drawImage(image, left, top, right - left, ROW);
    }
    if (DARK.matches) {
      to.globalCompositeOperation = "difference";
      to.fillStyle = "white";
      to.fillRect(LEFT, top, this.width, ROW);
    }
    to.restore();
  }

  tile(side, zoom, number) {
    const path = `/api/v1/jobs/${this.job}/levels/${side}/${zoom}/${number}`;
    let image = this.tiles.get(path);
    if (image) {
      this.tiles.delete(path); // those used last stand last
    } else {
      image = new Image();
      image.onload = () => (this.dirty = true);
      image.src = path;
      if (this.tiles.size > MOST_TILES) this.tiles.delete(this.tiles.keys().next().value);
    }
    this.tiles.set(path, image);
    return image.complete && image.naturalWidth ? image : null;
  }

  /** What is shared: tinted in both, joined between them; edits: striped where one side holds more. */
  drawShared(to) {
    this.stretches.forEach((one, number) => {
      const colour = this.isSame ? COLOURS[number % COLOURS.length] : this.pale;
      const above = ["a_start_s", "a_end_s"].map((name) => this.x(this.drawn(one[name], "a")));
      const below = [this.x(one.b_start_s), this.x(one.b_end_s)];
      to.fillStyle = colour;
      to.globalAlpha = this.isSame ? 0.16 : 0.08;
      to.fillRect(above[0], 0, above[1] - above[0], ROW);
      to.fillRect(below[0], ROW + STRIP, below[1] - below[0], ROW);
      to.globalAlpha = this.isSame ? 0.45 : 0.12;
      to.beginPath();
      to.moveTo(above[0], ROW);
      to.lineTo(above[1], ROW);
      to.lineTo(below[1], ROW + STRIP);
      to.lineTo(below[0], ROW + STRIP);
      to.fill();
      to.globalAlpha = 1;
      to.strokeStyle = colour;
      to.setLineDash(this.isSame ? [] : [4, 4]);
      to.lineWidth = 1.5;
      for (const side of [0, 1]) {
        to.beginPath();
        to.moveTo(above[side], 0);
        to.lineTo(above[side], ROW);
        to.lineTo(below[side], ROW + STRIP);
        to.lineTo(below[side], HEIGHT - AXIS);
        to.stroke();
      }
      to.setLineDash([]);
    });
    for (const edit of this.edits) {
      this.stripe(to, this.drawn(edit.a_start_s, "a"), this.drawn(edit.a_end_s, "a"), ROW, 12);
      this.stripe(to, edit.b_start_s, edit.b_end_s, ROW + STRIP - 12, 12);
    }
  }

  stripe(to, from, until, top, height) {
    const [left, right] = [this.x(from), this.x(until)];
    to.save();
    to.beginPath();
    to.rect(left - 1, top, Math.max(2, right - left), height);
    to.clip();
    to.strokeStyle = this.ink;
    to.lineWidth = right - left < 2 ? 2 : 1;
    to.beginPath();
    if (right - left < 2) {
      to.moveTo(left, top);
      to.lineTo(left, top + height);
    }
    for (let x = Math.max(left, 0) - height; x < Math.min(right, this.width); x += 6) {
      to.moveTo(x, top + height);
      to.lineTo(x + height, top);
    }
    to.stroke();
    to.restore();
  }

  drawHead(to) {
    const heads = { a: this.drawn(this.atA, "a"), b: this.atB() };
    for (const [side, top] of [["a", 0], ["b", ROW + STRIP]]) {
      const isHeard = side === this.heard;
      to.strokeStyle = isHeard ? "#e4002b" : this.ink;
      to.lineWidth = isHeard ? 2.5 : 1;
      to.beginPath();
      to.moveTo(this.x(heads[side]), top);
      to.lineTo(this.x(heads[side]), top + ROW);
      to.stroke();
    }
    this.times.textContent = `A ${clock(this.atA)}   B ${clock(this.atB() + this.offset)}`;
  }

  drawAxis(to) {
    to.fillStyle = this.ink;
    to.font = "600 15px system-ui, sans-serif";
    to.fillText("A", 4, ROW / 2 + 5);
    to.fillText("B", 4, ROW + STRIP + ROW / 2 + 5);
    to.font = "12px system-ui, sans-serif";
    for (const [side, top] of [["a", 0], ["b", ROW + STRIP]]) {
      const name = this.sides[side].name.split("/").pop();
      const room = Math.min(to.measureText(name).width, this.width / 2);
      to.fillStyle = this.paper;
      to.fillRect(LEFT, top, room + 10, 18);
      to.fillStyle = this.ink;
      to.fillText(name, LEFT + 4, top + 13, this.width / 2);
    }
    const steps = [0.1, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200];
    const most = (this.width - LEFT) / 80;
    const step = steps.find((one) => this.span() / one <= most) ?? 14400;
    to.strokeStyle = this.pale;
    to.lineWidth = 1;
    const first = Math.ceil((this.from + this.offset) / step) * step;
    for (let at = first; at <= this.to + this.offset; at += step) {
      const x = this.x(at - this.offset);
      to.beginPath();
      to.moveTo(x, HEIGHT - AXIS);
      to.lineTo(x, HEIGHT - AXIS + 5);
      to.stroke();
      const words = step < 1 ? clock(at) : clock(at).slice(0, -3);
      const room = to.measureText(words).width;
      to.fillText(words, Math.min(x - room / 2, this.width - room), HEIGHT - 4);
    }
  }

  // --- What is shown --------------------------------------------------------------------------

  look(from, to) {
    const least = 0.5;
    const most = 1.1 * (this.limits[1] - this.limits[0]);
    const span = Math.min(most, Math.max(least, to - from));
    const middle = (from + to) / 2;
    this.from = middle - span / 2;
    this.to = middle + span / 2;
    this.dirty = true;
  }

  whole() {
    const ends = [0, this.b.duration_s, this.drawn(0, "a"), this.drawn(this.a.duration_s, "a")];
    this.limits = [Math.min(...ends), Math.max(...ends)];
    this.look(...this.limits);
  }

  zoom(factor, around = this.drawn(this.atA, "a")) {
    const middle = around < this.from || around > this.to ? (this.from + this.to) / 2 : around;
    this.look(middle + (this.from - middle) * factor, middle + (this.to - middle) * factor);
  }

  /** Show a stretch or an edit, and put the playhead on it. */
  goTo(one, moves = true) {
    const ends = [one.b_start_s, one.b_end_s, this.drawn(one.a_start_s, "a"), this.drawn(one.a_end_s, "a")];
    const [low, high] = [Math.min(...ends), Math.max(...ends)];
    const room = Math.max(1, 0.15 * (high - low));
    this.look(low - room, high + room);
    if (moves) {
      this.seek(one.a_start_s, "a");
      this.stage.focus({ preventScroll: true });
    }
  }

  preparePointer() {
    let held = null;
    this.stage.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      held = { x: event.clientX, from: this.from, to: this.to, moved: false };
      this.stage.setPointerCapture(event.pointerId);
    });
    this.stage.addEventListener("pointermove", (event) => {
      if (!held) return;
      const by = ((event.clientX - held.x) / (this.width - LEFT)) * (held.to - held.from);
      held.moved ||= Math.abs(event.clientX - held.x) > 4;
      if (held.moved) this.look(held.from - by, held.to - by);
    });
    this.stage.addEventListener("pointerup", (event) => {
      if (held && !held.moved) {
        const box = this.canvas.getBoundingClientRect();
        const second = this.second(event.clientX - box.left);
        const inA = event.clientY - box.top < ROW + STRIP / 2;
        if (inA) this.seek(this.toA(second, this.main), "a");
        else this.seek(second, "b");
      }
      held = null;
    });
    this.stage.addEventListener("pointercancel", () => (held = null));
    this.stage.addEventListener(
      "wheel",
      (event) => {
        if (!event.ctrlKey && document.activeElement !== this.stage) return;
        event.preventDefault();
        const box = this.canvas.getBoundingClientRect();
        this.zoom(Math.exp(event.deltaY / 400), this.second(event.clientX - box.left));
      },
      { passive: false },
    );
  }

  key(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const step = event.shiftKey ? 0.1 : Math.max(0.1, this.span() / 20);
    const does = {
      " ": () => this.toggle(),
      Tab: () => this.hear(this.heard === "a" ? "b" : "a"),
      Escape: () => this.afterStage.focus(),
      ArrowLeft: () => this.move(-step),
      ArrowRight: () => this.move(step),
      "+": () => this.zoom(0.5),
      "=": () => this.zoom(0.5),
      "-": () => this.zoom(2),
      Home: () => this.whole(),
      l: () => this.setLoop(!this.loop),
      L: () => this.setLoop(!this.loop),
    }[event.key];
    if (!does || (event.key === "Tab" && event.shiftKey)) return;
    event.preventDefault();
    does();
  }

  // --- Sound ----------------------------------------------------------------------------------
  // Both recordings play at once, one of them muted and at the speed that keeps it at the same
  // moment of the music. So a change between them needs no seek.

  prepareSound() {
    const sound = (name, job = this.job) => {
      const audio = new Audio(`/api/v1/jobs/${job}/files/${name}`);
      audio.preload = "metadata";
      audio.onended = () => audio === this.audible() && this.stop();
      return audio;
    };
    this.sound = sound;
    this.audio = { a: sound("sound-a.wav"), b: sound("sound-b.wav") };
  }

  /** Where B is while A is where it is; when B is heard, its own place is kept exactly. */
  atB() {
    return this.heldB ?? this.toB(this.atA);
  }

  /** What plays on the side of B: B, or its stretch at the tempo and pitch of A. */
  soundB() {
    const now = this.fitted && this.at(this.atA) === this.fitted.stretch;
    return now ? this.fitted.audio : this.audio.b;
  }

  audible() {
    return this.heard === "a" ? this.audio.a : this.soundB();
  }

  playing() {
    return this.isPlaying;
  }

  /** Second of a sound that belongs to the moment. */
  wanted(audio) {
    if (audio === this.audio.a) return this.atA;
    if (audio === this.audio.b) return this.atB();
    return this.atA - this.fitted.stretch.a_start_s;
  }

  /** How fast a sound runs against the one that is heard. */
  pace(audio) {
    const { tempo } = this.at(this.atA);
    const own = (one) => (one === this.audio.b ? tempo : 1); // its seconds in a second of A
    return own(audio) / own(this.audible());
  }

  /** Read the clock of what is heard, and keep the others beside it. */
  tick() {
    const heard = this.audible();
    if (!heard.paused && !heard.seeking) {
      if (heard === this.audio.b) {
        this.heldB = heard.currentTime;
        this.atA = this.toA(this.heldB);
      } else {
        this.heldB = null;
        this.atA = heard.currentTime + (heard === this.audio.a ? 0 : this.fitted.stretch.a_start_s);
      }
    }
    const one = this.at(this.atA);
    if (this.loop && (this.atA >= this.looped.a_end_s || this.atA < this.looped.a_start_s - 0.2)) {
      return this.seek(this.looped.a_start_s, "a");
    }
    if (heard === this.fitted?.audio && one !== this.fitted.stretch) this.align();
    for (const audio of this.others()) this.keepBeside(audio);
    const shown = this.heard === "b" ? this.atB() : this.drawn(this.atA, "a");
    if (shown > this.to || shown < this.from) this.look(shown - 0.05 * this.span(), shown + 0.95 * this.span());
    this.dirty = true;
  }

  others() {
    return [this.audio.a, this.soundB()].filter((audio) => audio !== this.audible());
  }

  keepBeside(audio) {
    const wanted = this.wanted(audio);
    if (wanted < 0 || wanted > (audio.duration || 0)) return audio.pause();
    if (audio.seeking) return;
    const late = wanted - audio.currentTime;
    if (Math.abs(late) > FAR_S) audio.currentTime = wanted;
    const correction = Math.abs(late) > NEAR_S ? Math.max(-0.1, Math.min(0.1, late)) : 0;
    audio.playbackRate = Math.min(8, Math.max(0.125, this.pace(audio) * (1 + correction)));
    if (audio.paused) audio.play().catch(() => {});
  }

  /** Put every sound where it belongs, and let one of them be heard. */
  align() {
    const heard = this.audible();
    for (const audio of [this.audio.a, this.audio.b, this.fitted?.audio].filter(Boolean)) {
      audio.muted = audio !== heard;
      if (audio !== heard && !this.others().includes(audio)) audio.pause();
    }
    heard.playbackRate = 1;
    const wanted = this.wanted(heard);
    if (Math.abs(heard.currentTime - wanted) > 0.05) heard.currentTime = Math.max(0, wanted);
    if (this.isPlaying && heard.paused) heard.play().catch(() => this.stop());
    this.dirty = true;
  }

  async toggle() {
    if (this.isPlaying) return this.stop();
    this.isPlaying = true;
    this.playButton.textContent = "Pause";
    this.align();
  }

  stop() {
    this.isPlaying = false;
    this.playButton.textContent = "Play";
    for (const audio of [this.audio.a, this.audio.b, this.fitted?.audio]) audio?.pause();
  }

  /** Change to A or B at the same moment of the music. */
  hear(side) {
    this.heard = side;
    if (side === "b") this.heldB = this.toB(this.atA);
    this.align();
    this.showHeard();
  }

  showHeard() {
    this.sideButtons[0].setAttribute("aria-pressed", this.heard === "a");
    this.sideButtons[1].setAttribute("aria-pressed", this.heard === "b");
    const fits = this.heard === "b" && this.fitted ? ", at the tempo and pitch of A" : "";
    this.told.textContent = `Hearing ${this.heard.toUpperCase()}: ${this.sides[this.heard].name}${fits}`;
    this.dirty = true;
  }

  seek(second, side) {
    const kept = Math.min(Math.max(0, second), this.sides[side].duration_s);
    this.atA = side === "a" ? kept : this.toA(kept);
    this.heldB = side === "b" ? kept : null;
    for (const audio of [this.audible(), ...this.others()]) {
      const wanted = this.wanted(audio);
      if (wanted >= 0 && wanted <= (audio.duration || Infinity)) audio.currentTime = wanted;
    }
    this.align();
  }

  move(by) {
    const side = this.heard;
    this.seek((side === "a" ? this.atA : this.atB()) + by, side);
  }

  setLoop(on) {
    this.loop = on && this.isSame;
    this.looped = this.at(this.atA);
    this.loopButton.setAttribute("aria-pressed", this.loop);
    if (this.loop && !this.isPlaying) this.toggle();
  }

  /** Have the stretch of B brought to the tempo and pitch of A, or go back to B as it is. */
  async toggleFit() {
    const stretch = this.at(this.atA);
    if (this.fitted) {
      this.fitted.audio.pause();
      this.fitted = null;
    } else {
      try {
        const done = await this.fit(this.stretches.indexOf(stretch), this.waits);
        this.fitted = { stretch, audio: this.sound("fitted.wav", done.id) };
        this.fitted.audio.preload = "auto";
      } catch (error) {
        this.told.textContent = error.message;
        return;
      }
    }
    this.fitButton.setAttribute("aria-pressed", Boolean(this.fitted));
    this.hear("b");
  }
}

const length = (stretch) => stretch.a_end_s - stretch.a_start_s;

/** How a stretch of A differs from B, in words. */
function changes(stretch) {
  const words = [];
  if (Math.abs(stretch.tempo - 1) > 5e-4) words.push(`tempo × ${stretch.tempo.toFixed(4)}`);
  if (Math.abs(stretch.shift_semitones) > 0.03) {
    words.push(`pitch ${stretch.shift_semitones > 0 ? "+" : "−"}${Math.abs(stretch.shift_semitones).toFixed(2)} semitones`);
  }
  return `${words.join(", ") || "tempo and pitch as in B"}, correlation ${stretch.correlation.toFixed(2)}`;
}
