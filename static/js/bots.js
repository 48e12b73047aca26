// A comfort of the list of bots: without it each has its own tick.
(() => {
  "use strict";

  const boxes = (all) => [...document.querySelectorAll(`input[name="${all.dataset.pickAll}"]`)];

  const show = () => {
    for (const all of document.querySelectorAll("[data-pick-all]")) {
      const ticked = boxes(all).filter((box) => box.checked).length;
      all.hidden = false;
      all.checked = ticked > 0 && ticked === boxes(all).length;
      all.indeterminate = ticked > 0 && !all.checked;
    }
  };

  document.addEventListener("change", (event) => {
    const all = event.target.closest?.("[data-pick-all]");
    if (all) for (const box of boxes(all)) box.checked = all.checked;
    show();
  });
  document.addEventListener("htmx:afterSettle", show);
  show();
})();
