const codebudget = (() => {
  const fs = process.getBuiltinModule("node:fs"), write = fs.writeSync, text = String, sorted = Array.prototype.sort;
  const stringify = JSON.stringify, isArray = Array.isArray, keys = Object.keys;
  const token = fs.readFileSync(0, "utf8").trim();
  const line = (words) => {
    let rest = Buffer.from("\n" + token + " " + words + "\n");
    while (rest.length) rest = rest.subarray(write(1, rest));
  };
  const joined = (open, items, close) => open + items.join(", ") + close;
  const show = (value) => {
    if (value === undefined || value === null) return "null";
    if (typeof value === "string") return stringify(value);
    if (typeof value !== "object") return text(value === 0 ? 0 : value);
    if (isArray(value)) return joined("[", Array.from(value, show), "]");
    if (value instanceof Map) return joined("Map{", sorted.call(Array.from(value, ([k, v]) => show(k) + ": " + show(v))), "}");
    if (value instanceof Set) return joined("Set{", sorted.call(Array.from(value, show)), "}");
    return joined("{", sorted.call(keys(value).map((key) => stringify(key) + ": " + show(value[key]))), "}");
  };
  const failures = [];
  return {
    answer: (value) => line(show(value)),
    assert: (right, ...words) => { if (!right) failures.push(words.join(" ") || "an assertion failed"); },
    end: () => {
      if (failures.length) { console.error("AssertionError: " + failures[0]); process.exit(1); }
      line("end");
    },
  };
})();
