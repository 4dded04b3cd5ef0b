"""Fixtures that every test may use."""

import json
from functools import cache
from pathlib import Path

import click
import jsonschema
import numba
import numpy as np
import pytest

from cqtnet import device, embed, progress, schema

SCHEMAS = Path(__file__).parent.parent / "docs" / "schemas"


def pytest_collection_modifyitems(items):
    """Servers and browsers, which wait much, come first: they are started by one worker only."""
    items.sort(key=lambda item: "workbench" not in item.path.parts)


@pytest.fixture
def rng():
    return np.random.default_rng(20260101)


@pytest.fixture(scope="session")
def patch():
    """What is put back when all tests are done."""
    with pytest.MonkeyPatch.context() as one:
        yield one


@pytest.fixture(autouse=True, scope="session")
def one_thread(patch):
    """The tests' arrays are small: threads would only wait, and processes import for long."""
    patch.setattr(progress, "PROCESSORS", 1)
    with device.one_thread():
        yield


@pytest.fixture(autouse=True, scope="session")
def compiled_when_called(patch):
    """numba compiles a function of librosa when it is called: all, at its import, take 20 s."""

    def later(decorator):
        def decorated(signatures, *words, **options):
            def postponed(function):
                @cache
                def made(kind):
                    fitting = [one for one in signatures if kind in str(one)]
                    return decorator(fitting or signatures, *words, **options)(function)

                return lambda *given, **how: made(np.asarray(given[0]).dtype.name)(*given, **how)

            return postponed

        return decorated

    for name in ("vectorize", "guvectorize"):
        patch.setattr(numba, name, later(getattr(numba, name)))


@pytest.fixture(autouse=True, scope="session")
def networks_made_once(patch):
    """Every command makes a network; here all share one of the same weights."""
    ready, made = embed._ready, {}

    def known(model, device, precision, *, deterministic):
        key = getattr(model, "sha256", None), device, precision, deterministic
        if key[0] is None or key not in made:
            made[key] = ready(model, device, precision, deterministic=deterministic)
        return made[key]

    patch.setattr(embed, "_ready", known)


@pytest.fixture(autouse=True, scope="session")
def own_cache(patch, tmp_path_factory):
    """What the tests remember of long recordings is not the user's."""
    patch.setenv("CQTNET_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(autouse=True, scope="session")
def answers_are_as_their_schemas_say(patch):
    """Every answer that a command prints as JSON, in any test, is checked."""
    versioned = schema.versioned

    def checked(answer):
        plain = versioned(answer)
        context, words = click.get_current_context(silent=True), []
        while context is not None and context.info_name != "cqtnet":
            words.insert(0, context.info_name)
            context = context.parent
        path = SCHEMAS / f"{'-'.join(words)}.schema.json"
        if path.is_file():
            jsonschema.validate(json.loads(json.dumps(plain)), json.loads(path.read_text()))
        return plain

    patch.setattr(schema, "versioned", checked)
