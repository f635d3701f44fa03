"""The real doors of a run: engines and the sandbox."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from sampler.backends.base import Backend, BackendError
from sampler.backends.open import open_backend
from sampler.executor import Executor
from sampler.models.catalogue import Model, find
from sampler.models.pull import PullError, absence, cached, pull
from sampler.run import Doors
from sampler.spec import Study
from sampler.spec_models import ModelSpec
from sandbox.references import usual_directory


def real_doors(models_dir: Path, say: Callable[[str], None], *, fetch: bool = False) -> Doors:
    """Backends by their names, the sandbox by Docker; `say` hears what takes its time.

    With `fetch`, a model of the catalogue that is not here is pulled; without, it is an error that says how.
    """

    def fetched(model: Model) -> None:
        say(f"fetching {model.name}, {model.size / 1e6:.0f} MB")
        try:
            pull(model, models_dir)
        except PullError as error:
            raise BackendError(str(error)) from error

    def refused(model: Model) -> None:
        raise BackendError(f"{absence(model, models_dir)}, or the study with --pull")

    def backend(model: ModelSpec) -> Backend:
        return open_backend(model.backend, str(model.file or model.model), model.options, models_dir=models_dir)

    def executor(study: Study) -> AbstractContextManager[Executor]:
        from sandbox.image import Outfit  # noqa: PLC0415 - Docker's client is heavy
        from sandbox.scoring import Manner, open_scorer  # noqa: PLC0415

        outfit = Outfit(python=study.python, packages=study.packages)
        manner = Manner(fresh=study.fresh, outfit=outfit, kept=usual_directory())
        return open_scorer(study.limits, boxes=study.boxes, manner=manner, say=say)

    def check(model: ModelSpec) -> None:
        check_model(model, models_dir, fetched if fetch else refused)

    return Doors(check=check, backend=backend, executor=executor)


def check_model(model: ModelSpec, models_dir: Path, absent: Callable[[Model], None]) -> None:
    """Raise BackendError or UnknownModel for a model that cannot be opened: now, not after an hour with another one.

    `absent` is called for a model of the catalogue that is not here.
    """
    if model.backend == "replay" or model.model.endswith(".gguf"):
        path = model.file or Path(model.model)
        if not path.is_file():
            raise BackendError(f"model {model.name!r}: there is no file {str(path)!r}; mend the path in the study file")
        return
    pinned = find(model.model)
    if cached(pinned, models_dir) is None:
        absent(pinned)
