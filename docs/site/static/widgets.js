// The widgets put their names into MathJax 2's queue; MathJax 3 has none and is not needed there.
addEventListener("load", () => {
  if (window.MathJax) window.MathJax.Hub ??= { Queue() {} };
});

// A slider's handle tells screen readers its name and position, not a bare number.
const tell = (slider) => {
  const handle = slider.querySelector("[role=slider]");
  const says = {
    "aria-label": slider.querySelector("label").textContent,
    "aria-valuetext": slider.querySelector(".widget-readout").textContent,
  };
  for (const [key, text] of Object.entries(says))
    if (handle && handle.getAttribute(key) !== text) handle.setAttribute(key, text);
};
addEventListener("DOMContentLoaded", () => {
  const seen = { subtree: true, childList: true, attributeFilter: ["aria-valuetext"] };
  for (const script of document.querySelectorAll("script[type*=widget-view]")) {
    const output = script.parentElement;
    const names = () => output.querySelectorAll(".explorer .widget-hslider").forEach(tell);
    new MutationObserver(names).observe(output, seen);
  }
});
