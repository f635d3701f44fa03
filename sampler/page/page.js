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
    const band = line.low.length ? ` [${(100 * line.low[at]).toFixed(1)}, ${(100 * line.high[at]).toFixed(1)}]` : "";
    return `${line.name}: ${(100 * line.ys[at]).toFixed(1)} %${band} (${line.says[at] || "k=" + line.ks[at]})`;
  };
  const show = (event) => {
    const box = svg.getBoundingClientRect(), x = ((event.clientX - box.left) / box.width) * frame.width;
    const share = (x - all.left) / (all.right - all.left);
    if (share < 0 || share > 1) return hide();
    const budget = all.low * Math.pow(all.high / all.low, share);
    rule.setAttribute("x1", x);
    rule.setAttribute("x2", x);
    rule.style.visibility = "visible";
    out.textContent = `at ${budget.toPrecision(3)}: ` + all.lines.map((line) => said(line, budget)).filter(Boolean).join(" · ");
  };
  const hide = () => {
    rule.style.visibility = "hidden";
    out.textContent = resting;
  };
  svg.addEventListener("pointermove", show);
  svg.addEventListener("pointerleave", hide);
}
