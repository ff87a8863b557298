"use strict";
// Everything is readable without this: it sorts tables, copies commands, and
// unpacks the samples before they are saved.
(() => {
  const said = document.getElementById("said");

  // key is what a cell is sorted by: a number where it has one, else its text;
  // null for a dash.
  const key = (cell) => {
    const k = cell.dataset.k;
    if (k !== undefined) return Number(k);
    const text = cell.textContent.trim();
    return text === "-" || text === "" ? null : text;
  };
  const compare = (a, b) => {
    if (typeof a === "number" && typeof b === "number") return a - b;
    return String(a).localeCompare(String(b), "en", { numeric: true });
  };
  const sort = (table, column, descending) => {
    const body = table.tBodies[0];
    const rows = Array.from(body.rows, (row) => ({ row, k: key(row.cells[column]) }));
    rows.sort((a, b) => {
      if (a.k === null || b.k === null) return (a.k === null) - (b.k === null); // what is not known comes last
      return descending ? compare(b.k, a.k) : compare(a.k, b.k);
    });
    body.append(...rows.map((r) => r.row));
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = Array.from(table.tHead.rows[0].cells);
    heads.forEach((th, column) => {
      const name = th.textContent.trim();
      if (name === "") return;
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = name;
      th.replaceChildren(button);
      th.setAttribute("aria-sort", "none");
      button.addEventListener("click", () => {
        const descending = th.getAttribute("aria-sort") === "ascending";
        for (const other of heads) if (other.hasAttribute("aria-sort")) other.setAttribute("aria-sort", "none");
        th.setAttribute("aria-sort", descending ? "descending" : "ascending");
        sort(table, column, descending);
        said.textContent = `${table.caption.textContent}: sorted by ${name}, ${descending ? "descending" : "ascending"}`;
      });
    });
  }

  for (const pre of document.querySelectorAll("pre.command")) {
    if (!navigator.clipboard) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(pre.textContent);
        button.textContent = "Copied";
        said.textContent = "Copied";
      } catch {
        button.textContent = "Select it and copy";
      }
    });
    pre.after(button);
  }

  const bytesOf = (url) => Uint8Array.from(atob(url.slice(url.indexOf(",") + 1)), (c) => c.charCodeAt(0));
  for (const link of document.querySelectorAll("a.raw")) {
    if (!window.DecompressionStream) continue; // the browser saves them packed
    link.addEventListener("click", async (event) => {
      if (!link.href.startsWith("data:")) return; // unpacked before
      event.preventDefault();
      const unpacked = new Blob([bytesOf(link.href)]).stream().pipeThrough(new DecompressionStream("gzip"));
      link.download = link.download.replace(/\.gz$/, "");
      link.href = URL.createObjectURL(new Blob([await new Response(unpacked).arrayBuffer()], { type: "application/jsonl" }));
      link.click();
    });
  }
})();
