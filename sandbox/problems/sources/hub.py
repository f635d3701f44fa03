"""Fetch the files of a data set from the Hugging Face Hub; the only module that imports `huggingface_hub`.

A set is named `hf:ORG/NAME@REVISION[:CONFIG][/SPLIT]`. The revision is a commit, a tag or a branch; a branch is
resolved to a commit, and the commit is told. Files stay in the cache of `huggingface_hub` (HF_HOME), with a note of
ours beside them that says which files a name stands for. So a set that is pinned to a commit is read without a network
from the second time on.

Which files belong to a config and a split is read from the set's card (`configs:` in the front matter of README.md).
Where the card does not say, the names of files decide, as in `data/test-00000-of-00001.parquet`. No script of a data
set is run.
"""

from __future__ import annotations

import fnmatch
import hashlib
import json
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from sandbox.problems.problem_formats import ProblemsError

if TYPE_CHECKING:
    from huggingface_hub import HfApi

PREFIX = "hf:"
DATA_FILES = (".parquet", ".jsonl", ".jsonl.gz", ".json", ".json.gz", ".arrow")
_NAMED = re.compile(
    r"hf:(?P<repo>[\w.-]+/[\w.-]+)@(?P<revision>refs/convert/\w+|refs/pr/\d+|[^:/@\s]+)"
    r"(?::(?P<config>[^/:\s]+))?(?:/(?P<split>[^/:\s]+))?",
    re.ASCII,
)
_COMMIT = re.compile(r"[0-9a-f]{40}")
_WORDS_OF_SPLITS = {
    "train": "train", "training": "train", "test": "test", "testing": "test", "eval": "test",
    "validation": "validation", "valid": "validation", "val": "validation", "dev": "validation",
}  # fmt: skip
_NO_DATA = ("dataset_info.json", "dataset_infos.json", "state.json", "dataset_dict.json", "config.json")
_TIMEOUT_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HubSource:
    """A data set on the hub; `files` are patterns that name its files where neither card nor names tell them."""

    repo: str
    revision: str
    config: str = ""
    split: str = ""
    files: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """Return the name that `parse` reads (without `files`)."""
        config = f":{self.config}" if self.config else ""
        return f"{PREFIX}{self.repo}@{self.revision}{config}" + (f"/{self.split}" if self.split else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class HubFiles:
    """The files of a set on this machine, and the commit that they are from."""

    paths: tuple[Path, ...]
    commit: str
    note: str = ""  # what a user should know, such as the commit of a branch


def parse(text: str) -> HubSource:
    """Return the set that a name such as hf:ORG/NAME@REVISION:CONFIG/SPLIT stands for; raises ProblemsError."""
    found = _NAMED.fullmatch(text)
    if found is not None:
        repo, revision, config, split = found.groups(default="")
        return HubSource(repo=repo, revision=revision, config=config, split=split)
    named = re.match(r"hf:[\w.-]+/[\w.-]+(?=$|[:/])", text, re.ASCII)
    if named is not None:
        raise ProblemsError(
            f"{text} names no revision; write {named[0]}@COMMIT, or {named[0]}@main for what is there now"
        )
    raise ProblemsError(
        f"{text!r} is no name of a data set; write hf:ORG/NAME@REVISION, then :CONFIG and /SPLIT if needed"
    )


def fetch(source: HubSource) -> HubFiles:
    """Return the files of a set, fetched if they are not here; raises ProblemsError, which says what to do.

    A set at a commit, or one that cannot be reached now, is taken from the cache if all of it is there.
    """
    try:
        import huggingface_hub
        from huggingface_hub import errors
        from huggingface_hub.utils.tqdm import disable_progress_bars
    except ImportError as error:
        raise ProblemsError(
            f"{source.text} needs huggingface_hub; run `pip install 'codebudget[hub]'`. Without it: {_by_hand(source)}"
        ) from error
    noted = _read_note(source)
    held = None if noted is None else _cached_files(source, *noted)
    if held is not None and _is_pinned(source.revision):
        return held
    if not sys.stderr.isatty():
        disable_progress_bars()
    failures = (OSError, getattr(errors, "HTTPError", OSError))  # of its HTTP library, by version
    try:
        return _fetched(source, huggingface_hub.HfApi())
    except failures as error:
        if held is not None and not _is_refusal(error):
            told = f"{source.text} is read as it was at commit {held.commit}: the hub cannot be reached ({_why(error)})"
            return HubFiles(paths=held.paths, commit=held.commit, note=told)
        raise ProblemsError(f"{source.text} cannot be fetched: {_why(error)}. {_by_hand(source)}") from error


def publish(folder: Path, repo: str) -> str:
    """Upload a folder as a data set of the hub, private if it is new, and return its address; raises ProblemsError."""
    try:
        import huggingface_hub
        from huggingface_hub import errors
    except ImportError as error:
        raise ProblemsError(f"hf:{repo} needs huggingface_hub; run `pip install 'codebudget[hub]'`") from error
    api = huggingface_hub.HfApi()
    failures = (OSError, errors.HFValidationError, getattr(errors, "HTTPError", OSError))  # the last one by version
    try:
        api.create_repo(repo, repo_type="dataset", private=True, exist_ok=True)
        return str(api.upload_folder(folder_path=folder, repo_id=repo, repo_type="dataset"))
    except failures as error:
        raise ProblemsError(f"hf:{repo} cannot be written: {_why(error)}") from error


def _fetched(source: HubSource, api: HfApi) -> HubFiles:
    from huggingface_hub import hf_hub_download

    about = api.dataset_info(source.repo, revision=source.revision, timeout=_TIMEOUT_S)
    commit, there = str(about.sha), [one.rfilename for one in about.siblings or ()]

    def get(name: str) -> Path:
        return Path(hf_hub_download(source.repo, name, repo_type="dataset", revision=commit))

    configs = () if source.files or "README.md" not in there else configs_of(get("README.md").read_text("utf-8"))
    names = choose(there, configs, source)
    paths = tuple(get(name) for name in names)
    _write_note(source, commit, names)
    pinned = _is_pinned(source.revision)
    note = "" if pinned else f"{source.text} is at commit {commit}; write @{commit} to keep to it"
    return HubFiles(paths=paths, commit=commit, note=note)


def configs_of(card: str) -> tuple[Mapping[str, Any], ...]:
    """Return the entries of `configs` in the front matter of a set's card; empty if there are none."""
    import yaml

    if not card.startswith("---"):
        return ()
    try:
        front = yaml.safe_load(card[3:].partition("\n---")[0])
    except yaml.YAMLError:
        return ()
    entries = front.get("configs") if isinstance(front, dict) else None
    return tuple(one for one in entries or () if isinstance(one, dict)) if isinstance(entries, list) else ()


def choose(there: Sequence[str], configs: Sequence[Mapping[str, Any]], source: HubSource) -> list[str]:
    """Return the names of the files that belong to the source, in order; raises ProblemsError if none do."""
    if source.files:
        chosen = _matching(there, source.files)
        if not chosen:
            raise ProblemsError(f"{source.text} has none of the files {', '.join(source.files)}")
        return chosen
    splits = _splits_of_card(there, configs, source) if configs else {}
    splits = {split: names for split, names in splits.items() if names} or _splits_by_name(there, source)
    if not splits:
        raise ProblemsError(_no_data(there, source))
    split = source.split or ("test" if "test" in splits else next(iter(splits)) if len(splits) == 1 else "")
    if split not in splits:
        wanted = f"no split {split!r}" if split else "several splits"
        raise ProblemsError(
            f"{source.text} has {wanted}; there are {', '.join(splits)}: add /{next(iter(splits))}, say"
        )
    return splits[split]


def _splits_of_card(
    there: Sequence[str], configs: Sequence[Mapping[str, Any]], source: HubSource
) -> dict[str, list[str]]:
    names = [str(one.get("config_name", "default")) for one in configs]
    if source.config and source.config not in names:
        raise ProblemsError(f"{source.text} has no config {source.config!r}; there are {', '.join(names)}")
    usual = next((str(one.get("config_name")) for one in configs if one.get("default")), None)
    wanted = source.config or usual or ("default" if "default" in names else names[0] if len(names) == 1 else "")
    if not wanted:
        raise ProblemsError(f"{source.text} has several configs: {', '.join(names)}; add :{names[0]}, say")
    data_files = configs[names.index(wanted)].get("data_files")
    if isinstance(data_files, str):
        data_files = [data_files]
    if isinstance(data_files, dict):
        data_files = [{"split": split, "path": path} for split, path in data_files.items()]
    found: dict[str, list[str]] = {}
    for one in data_files or ():
        split, path = (str(one.get("split", "train")), one.get("path")) if isinstance(one, dict) else ("train", one)
        patterns = [path] if isinstance(path, str) else [str(each) for each in path or ()]
        found[split] = _matching(there, patterns)
    return found


def _splits_by_name(there: Sequence[str], source: HubSource) -> dict[str, list[str]]:
    """Return the data files by split: a word of a file's path says which, and a folder may be the config."""
    found: dict[str, list[str]] = {}
    for name in sorted(filter(is_data, there)):
        folders = PurePosixPath(name).parts[:-1]
        if source.config and source.config not in folders:
            continue
        if source.split and re.search(rf"(^|[/_.-]){re.escape(source.split)}($|[/_.-])", name):
            found.setdefault(source.split, []).append(name)
            continue
        words = re.split(r"[/_.\d-]+", name.lower())
        split = next((_WORDS_OF_SPLITS[word] for word in words if word in _WORDS_OF_SPLITS), "train")
        found.setdefault(split, []).append(name)
    return found


def is_data(name: str) -> bool:
    """Return whether a file's name is one of a data file."""
    return name.lower().endswith(DATA_FILES) and PurePosixPath(name).name not in _NO_DATA


def _matching(there: Iterable[str], patterns: Iterable[str]) -> list[str]:
    """Return the files that fit, in the order of the patterns; each once."""
    fits = [name for pattern in patterns for name in sorted(there) if fnmatch.fnmatchcase(name, pattern)]
    return list(dict.fromkeys(fits))


def _no_data(there: Sequence[str], source: HubSource) -> str:
    if any(name.endswith(".py") for name in there):
        return (
            f"{source.text} has no data files but a script, and no script of a data set is run here; the hub keeps a "
            f"converted copy of many: hf:{source.repo}@refs/convert/parquet"
        )
    config = f" in config {source.config!r}" if source.config else ""
    return f"{source.text} has no data files{config} ({', '.join(DATA_FILES)})"


def _is_pinned(revision: str) -> bool:
    return _COMMIT.fullmatch(revision) is not None or re.fullmatch(r"[0-9a-f]{7,39}", revision) is not None


def _note_path(source: HubSource) -> Path:
    from huggingface_hub import constants

    told = json.dumps([source.text, source.files])
    name = hashlib.sha256(told.encode()).hexdigest()[:32]
    return Path(constants.HF_HUB_CACHE) / "codebudget" / f"{name}.json"


def _write_note(source: HubSource, commit: str, names: Sequence[str]) -> None:
    path = _note_path(source)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(f".{os.getpid()}.tmp")
    fresh.write_text(json.dumps({"source": source.text, "commit": commit, "files": list(names)}), "utf-8")
    fresh.replace(path)


def _read_note(source: HubSource) -> tuple[str, list[str]] | None:
    """Return the commit and the files that the source stood for when it was last fetched."""
    try:
        note = json.loads(_note_path(source).read_text("utf-8"))
        commit, names = note["commit"], note["files"]
    except (OSError, ValueError, LookupError, TypeError):
        return None
    known = isinstance(commit, str) and _COMMIT.fullmatch(commit) is not None
    return (commit, names) if known and isinstance(names, list) and all(type(one) is str for one in names) else None


def _cached_files(source: HubSource, commit: str, names: Sequence[str]) -> HubFiles | None:
    from huggingface_hub import try_to_load_from_cache

    found = [try_to_load_from_cache(source.repo, name, revision=commit, repo_type="dataset") for name in names]
    paths = tuple(Path(one) for one in found if isinstance(one, str))
    return HubFiles(paths=paths, commit=commit) if names and len(paths) == len(names) else None


def _is_refusal(error: Exception) -> bool:
    """Return whether the hub answered and said no: such a set is not taken from the cache in silence."""
    return getattr(error, "response", None) is not None


def _why(error: Exception) -> str:
    """Return the reason in one line."""
    kinds = {
        "RepositoryNotFoundError": "the hub has no such data set, or it is private: log in with `hf auth login`",
        "RevisionNotFoundError": "the data set has no such revision",
        "GatedRepoError": "accept its owner's conditions on its page, and log in with `hf auth login`",
        "OfflineModeIsEnabled": "HF_HUB_OFFLINE is set, and not all of it is in the cache",
    }
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return kinds.get(type(error).__name__, f"the hub cannot be reached or does not answer ({lines[0][:200]})")


def _by_hand(source: HubSource) -> str:
    """Return how to bring the files to a machine that has no hub."""
    folder = source.repo.rpartition("/")[2]
    include = " ".join(f"--include '{pattern}'" for pattern in source.files)
    return (
        f"On a machine with access run `hf download {source.repo} --repo-type dataset --revision {source.revision} "
        f"--local-dir {folder}{f' {include}' if include else ''}`, bring the folder here and give it, or a file of it, "
        f"instead of the name (--problems ./{folder}); or bring the hub's cache and set HF_HOME"
    )
