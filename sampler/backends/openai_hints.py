"""Ways out of a refusal, guessed from the server's own words.

Which key of the study would leave out what it does not take.
"""

from __future__ import annotations

import re

_OPTION = "in [models.options]"
_HINTS = (
    (
        r"\b(top_k|min_p|repetition_penalty|continue_final_message|add_generation_prompt)\b",
        f'dialect = "hosted" {_OPTION}',
    ),
    (r"\bchat model\b|chat/completions|\bendpoint\b.*\bcompletions\b", 'style = "chat" in [sampling]'),
    (r"chat template", 'style = "completion" in [sampling]'),
    (r"\bmax_completion_tokens\b", f'max_tokens_key = "max_completion_tokens" {_OPTION}'),
    (r"context length|context window|max_model_len|max_tokens", "a lower max_tokens in [sampling]"),
    (r"\b(top_)?logprobs?\b", f"logprobs = false {_OPTION}"),
    (r"\bstream(ing|_options)?\b", f"stream = false {_OPTION}"),
    (r"\bstop (sequences?|strings?)|['\"`]stop['\"`]", f"a lower most_stops {_OPTION}"),
    (r"(?<![\w'])n\b (must|should|is|has)\b|['\"`]n['\"`]|best_of|multiple (choices|completions)", f"n = 1 {_OPTION}"),
)


def way_out(words: str) -> str:
    """What to try, as the end of a message; empty where nothing comes to mind."""
    for pattern, remedy in _HINTS:
        if re.search(pattern, words, re.IGNORECASE):
            return f"; try {remedy}"
    return ""
