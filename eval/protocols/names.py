"""Names of the files of a set: what is in a file decides its name."""

import hashlib
import json
import re

from eval.protocols.plan import FORMAT, Plan, Probe, Stretch


def reference_name(plan: Plan, stretch: Stretch) -> str:
    """The file of a reference below the folder of the sets: `references/song-12500-20000-….flac`.

    Start and length are milliseconds.
    """
    return f"references/{_stem(plan, stretch)}-{_digest(plan, stretch)}.flac"


def probe_name(plan: Plan, probe: Probe) -> str:
    """The file of a probe below the folder of the sets."""
    effects = json.dumps([effect.to_dict() for effect in probe.chain.effects])
    noise = json.dumps([plan.noise.get(getattr(e, "path", "")) for e in probe.chain.effects])
    digest = _digest(plan, probe.stretch, effects, noise)
    return f"{plan.protocol}/{_stem(plan, probe.stretch)}-{digest}.flac"


def _stem(plan: Plan, stretch: Stretch) -> str:
    readable = re.sub(r"[^A-Za-z0-9.]+", "_", stretch.recording)[-40:]
    return f"{readable}-{round(1000 * stretch.start_s)}-{round(1000 * stretch.length_s)}"


def _digest(plan: Plan, stretch: Stretch, *more: str) -> str:
    what = [FORMAT, plan.sample_rate, plan.source_of[stretch.recording].sha256]
    text = json.dumps([*what, stretch.recording, stretch.start_s, stretch.length_s, *more])
    return hashlib.sha256(text.encode()).hexdigest()[:10]
