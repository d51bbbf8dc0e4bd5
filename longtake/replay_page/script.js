
"use strict";
(() => {
  const steps = [...document.querySelectorAll(".step")];
  const frames = [...document.querySelectorAll("figure img")];
  document.body.classList.add("script");

  const button = (text, act) => {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = text;
    made.addEventListener("click", act);
    return made;
  };

  const save = () => {
    const link = document.createElement("a");
    const run = document.getElementById("run").textContent;
    link.href = URL.createObjectURL(new Blob([run], { type: "application/json" }));
    link.download = `run-${JSON.parse(run).id.slice(0, 8)}.json`;
    link.click();
    URL.revokeObjectURL(link.href);
  };

  document.querySelector(".tools").append(
    button("Fold all", () => steps.forEach((step) => { step.open = false; })),
    button("Unfold all", () => steps.forEach((step) => { step.open = true; })),
    button("Save as JSON", save),
  );

  const reveal = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const folded = target && target.closest("details:not([open])");
    if (folded) {
      folded.open = true;
      target.scrollIntoView();
    }
  };
  window.addEventListener("hashchange", reveal);
  reveal();

  if (!frames.length) return;
  const dialog = document.createElement("dialog");
  const large = document.createElement("img");
  const caption = document.createElement("span");
  const line = document.createElement("p");
  const moves = document.createElement("span");
  let shown = 0;

  const show = (index) => {
    shown = (index + frames.length) % frames.length;
    large.src = frames[shown].src;
    large.alt = frames[shown].alt;
    caption.textContent = `${frames[shown].alt}  (${shown + 1} of ${frames.length})`;
  };
  moves.append(
    button("\u2190", () => show(shown - 1)),
    button("\u2192", () => show(shown + 1)),
    button("Close", () => dialog.close()),
  );
  line.append(caption, moves);
  dialog.append(large, line);
  document.body.append(dialog);
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener("keydown", (event) => {
    if (event.key === "ArrowLeft") show(shown - 1);
    if (event.key === "ArrowRight") show(shown + 1);
  });
  frames.forEach((frame, index) => {
    const open = () => { show(index); dialog.showModal(); };
    frame.tabIndex = 0;
    frame.addEventListener("click", open);
    frame.addEventListener("keydown", (event) => { if (event.key === "Enter") open(); });
  });
})();
