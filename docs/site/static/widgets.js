// The widgets put their names into MathJax 2's queue; MathJax 3 has none and is not needed there.
addEventListener("load", () => {
  if (window.MathJax) window.MathJax.Hub ??= { Queue() {} };
});
