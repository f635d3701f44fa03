"""A real llama.cpp server whose template opens thoughts: `python llama_thinker.py MODEL.gguf`.

It prints its address, and runs until its standard input ends. The small model was not made to think; the template, and
the server's bound on thoughts, make it do so. Other engines can be given the same template.
"""

from __future__ import annotations

import os
import sys

TEMPLATE = (
    "{%- for message in messages -%}"
    "{{- '<|im_start|>' + message.role + '\\n' -}}"
    "{%- if message.role == 'assistant' and message.reasoning_content is string and message.reasoning_content -%}"
    "{{- '<think>\\n' + message.reasoning_content + '\\n</think>\\n\\n' -}}"
    "{%- endif -%}"
    "{{- message.content + '<|im_end|>\\n' -}}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}"
    "{{- '<|im_start|>assistant\\n' -}}"
    "{%- if enable_thinking is defined and enable_thinking is false -%}"
    "{{- '<think>\\n\\n</think>\\n\\n' -}}"
    "{%- else -%}"
    "{{- '<think>\\n' -}}"
    "{%- endif -%}"
    "{%- endif -%}"
)


def main() -> None:
    told = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    os.putenv("OMP_WAIT_POLICY", "PASSIVE")
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = sys.argv[1]
    params.n_ctx, params.n_parallel, params.kv_unified, params.port, params.verbosity = 4096, 4, True, 0, 0
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.chat_template = TEMPLATE
    server = xllamacpp.Server(params)
    told.write(f"{server.listening_address}\n")
    told.flush()
    while os.read(0, 4096):
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
