"use strict";
for (const button of document.querySelectorAll(".filters button")) {
  button.addEventListener("click", () => {
    for (const other of document.querySelectorAll(".filters button")) {
      other.setAttribute("aria-pressed", String(other === button));
    }
    for (const sample of document.querySelectorAll(".sample")) {
      const kinds = sample.dataset.kinds.split(" ");
      sample.classList.toggle("hidden", button.dataset.kind !== "all" && !kinds.includes(button.dataset.kind));
    }
  });
}
for (const button of document.querySelectorAll(".key button")) {
  button.addEventListener("click", () => {
    const off = button.classList.toggle("off");
    button.setAttribute("aria-pressed", String(!off));
    for (const part of document.querySelectorAll(`[data-curve="${button.dataset.curve}"]:not(button)`)) {
      part.classList.toggle("hidden", off);
    }
  });
}
const opened = () => {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target && target.tagName === "DETAILS") { target.classList.remove("hidden"); target.open = true; }
};
addEventListener("hashchange", opened);
opened();
