"""Put a problem that lacks its middle to a model: the fill-in-the-middle prompts of model families.

A model of a family was trained on texts whose parts were moved: the text before the gap and the text after it between
special tokens, then the middle (Bavarian et al. 2022). The tokens and their order are the family's own; each is from
its model card or its paper. Codestral, Mellum and Seed-Coder put the text after the gap first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Family(StrEnum):
    """Model families that fill a gap, each by the template that names it."""

    CODEGEMMA = "fim-codegemma"
    CODELLAMA = "fim-codellama"
    CODESTRAL = "fim-codestral"
    DEEPSEEK = "fim-deepseek"
    GRANITE = "fim-granite"
    GRANITE4 = "fim-granite4"
    MELLUM = "fim-mellum"
    QWEN = "fim-qwen"
    SANTACODER = "fim-santacoder"
    SEEDCODER = "fim-seedcoder"
    STARCODER = "fim-starcoder"


@dataclass(frozen=True, slots=True)
class Marks:
    """How a family writes a gap: a form with {prefix} and {suffix}, what ends the middle, and names of its models."""

    form: str
    ends: tuple[str, ...]
    models: str  # a regular expression, for names in small letters

    def put(self, prefix: str, suffix: str) -> str:
        """Return the prompt for the text between the two."""
        before, middle, after = re.split(r"\{(?:prefix|suffix)\}", self.form)
        first, second = (
            (prefix, suffix) if self.form.index("{prefix}") < self.form.index("{suffix}") else (suffix, prefix)
        )
        return f"{before}{first}{middle}{second}{after}"


_END_OF_TEXT = "<|endoftext|>"
_STARS = "<fim_prefix>{prefix}<fim_suffix>{suffix}<fim_middle>"
_PIPES = "<|fim_prefix|>{prefix}<|fim_suffix|>{suffix}<|fim_middle|>"
FAMILIES: Mapping[Family, Marks] = MappingProxyType(
    {
        Family.CODEGEMMA: Marks(_PIPES, ("<|file_separator|>", "<eos>"), r"codegemma"),
        Family.CODELLAMA: Marks("<PRE> {prefix} <SUF>{suffix} <MID>", (" <EOT>", "<EOT>", "</s>"), r"code-?llama"),
        Family.CODESTRAL: Marks("[SUFFIX]{suffix}[PREFIX]{prefix}", ("</s>",), r"codestral"),
        Family.DEEPSEEK: Marks(
            "<\uff5cfim\u2581begin\uff5c>{prefix}<\uff5cfim\u2581hole\uff5c>{suffix}<\uff5cfim\u2581end\uff5c>",
            ("<\uff5cend\u2581of\u2581sentence\uff5c>", "<|EOT|>"),
            r"deepseek",
        ),
        Family.GRANITE: Marks(_STARS, (_END_OF_TEXT,), r"granite.*code"),
        Family.GRANITE4: Marks(_PIPES, ("<|end_of_text|>",), r"granite-?4"),
        Family.MELLUM: Marks("<fim_suffix>{suffix}<fim_prefix>{prefix}<fim_middle>", (_END_OF_TEXT,), r"mellum"),
        Family.QWEN: Marks(
            _PIPES, (_END_OF_TEXT, "<|fim_pad|>", "<|file_sep|>", "<|repo_name|>"), r"qwen(?:2\.5|3).*coder"
        ),
        Family.SANTACODER: Marks(
            "<fim-prefix>{prefix}<fim-suffix>{suffix}<fim-middle>", (_END_OF_TEXT,), r"santacoder"
        ),
        Family.SEEDCODER: Marks(
            "<[fim-suffix]>{suffix}<[fim-prefix]>{prefix}<[fim-middle]>",
            ("<[end\u2581of\u2581sentence]>",),
            r"seed-?coder",
        ),
        Family.STARCODER: Marks(_STARS, (_END_OF_TEXT, "<file_sep>"), r"starcoder|stable-?code|codeqwen1\.5|starchat"),
    }
)


def family_of(model: str) -> Family | None:
    """Return the family of a model by its name, such as Qwen/Qwen2.5-Coder-7B or codellama:7b-code; None: unknown."""
    name = model.lower().replace("\\", "/").rpartition("/")[2].replace("_", "-")
    return next((family for family, marks in FAMILIES.items() if re.search(marks.models, name)), None)
