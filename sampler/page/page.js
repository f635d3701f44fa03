"use strict";
// A rule that follows the pointer, and what each model reaches at that budget. The page is whole without this.
for (const figure of document.querySelectorAll("figure[data-at]")) {
  const all = JSON.parse(document.getElementById("data").textContent)[Number(figure.dataset.at)];
  const svg = figure.querySelector("svg"), rule = svg.querySelector(".pointer"), out = figure.querySelector("output");
  const resting = out.textContent, frame = svg.viewBox.baseVal;
  const said = (line, budget) => {
    if (line.piece && (budget < line.xs[0] || budget >= line.end)) return null;
    if (budget < line.xs[0]) return line.says.length ? null : `${line.name}: one costs more`;
    if (budget >= line.end) return line.says.length ? null : `${line.name}: too few samples`;
    let at = line.xs.findLastIndex((x) => x <= budget);
    const band = line.near.length ? " " + line.near[at] : "";
    return `${line.name}: ${(100 * line.ys[at]).toFixed(1)}${band} % (${line.says[at] || "k=" + line.ks[at]})`;
  };
  const sized = (budget) => {
    if (all.unit !== "FLOP") return `${Number(budget.toPrecision(3)).toLocaleString("en")} ${all.unit}`;
    const size = Math.max(0, Math.min(8, Math.floor(Math.log10(Number(budget.toPrecision(3))) / 3)));
    return `${Number((budget / 1000 ** size).toPrecision(3))} ${["", "k", "M", "G", "T", "P", "E", "Z", "Y"][size]}FLOP`;
  };
  const show = (event) => {
    const box = svg.getBoundingClientRect(), x = ((event.clientX - box.left) / box.width) * frame.width;
    const share = (x - all.left) / (all.right - all.left);
    if (share < 0 || share > 1) return hide();
    const budget = all.low * Math.pow(all.high / all.low, share);
    rule.setAttribute("x1", x);
    rule.setAttribute("x2", x);
    rule.style.visibility = "visible";
    out.textContent = `at ${sized(budget)}: ` + all.lines.map((line) => said(line, budget)).filter(Boolean).join(" · ");
  };
  const hide = () => {
    rule.style.visibility = "hidden";
    out.textContent = resting;
  };
  svg.addEventListener("pointermove", show);
  svg.addEventListener("pointerleave", hide);
}

// A click on the head of a column sorts its table, by number where every cell begins with one; a second click turns it round.
for (const table of document.querySelectorAll("table:not(.ways)")) {
  const body = table.tBodies[0], heads = table.tHead ? [...table.tHead.rows[0].cells] : [];
  if (!body || body.rows.length < 2) continue;
  heads.forEach((head, at) => {
    if (!head.textContent.trim()) return;
    const sizes = { k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, E: 1e18, Z: 1e21 };
    const key = (row) => {
      const text = row.cells[at] ? row.cells[at].textContent.trim() : "";
      const found = text.match(/^[$]?([+-]?[\d.,]+)(?: ([kMGTPEZ])(?![a-z]))?/);
      return [found ? Number(found[1].replaceAll(",", "")) * (sizes[found[2]] || 1) : NaN, text];
    };
    const sort = () => {
      const up = head.getAttribute("aria-sort") === "descending";
      const rows = [...body.rows].map((row) => [...key(row), row]);
      const known = rows.filter((row) => !Number.isNaN(row[0])).length;
      const numbers = known && rows.every((row) => !Number.isNaN(row[0]) || row[1] === "–" || row[1] === "");
      const way = up ? 1 : -1;
      rows.sort((a, b) => {
        if (!numbers) return way * a[1].localeCompare(b[1], "en", { numeric: true });
        return Number.isNaN(a[0]) || Number.isNaN(b[0]) ? Number.isNaN(a[0]) - Number.isNaN(b[0]) : way * (a[0] - b[0]);
      });
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      body.append(...rows.map((row) => row[2]));
    };
    head.classList.add("sorts");
    head.tabIndex = 0;
    head.addEventListener("click", sort);
    head.title = "sorts the table";
    head.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      sort();
    });
  });
}
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((one) => { one.open = true; }));
