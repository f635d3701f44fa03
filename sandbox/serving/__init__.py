"""Serve boxes to other programs over HTTP (`sandbox serve`).

A client may use our processors, but is not trusted with our host: it sends programs and problems, and gets facts and
verdicts. There are three APIs: `score_api` is our own (a problem and completions in, verdicts out); `sandboxfusion` and
`piston` are those of existing clients (a program in, its result out). Each is a pair of pure functions, from JSON to
jobs and from runs to JSON. `bodies` reads requests, `admission` lets a limited number of programs wait and measures
waiting and running separately, and `metrics` counts. Only `app` handles HTTP, and only `server` the server behind it. A
request that cannot be served is a `Refused` with its status. Our fault is reported in each protocol's own form, and
never as a verdict.

If a client disconnects, its waiting programs are cancelled. A full queue refuses a request and says after how many
seconds to retry. If the engine does not come back, the server ends with an error.
"""
