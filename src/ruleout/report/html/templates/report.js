// The page can be read without this: it opens what is folded for paper (but the numbers, which the drawings show), and adds two buttons.
(() => {
  const folded = () => [...document.querySelectorAll("details:not([open]):not(.numbers)")];
  let opened = [];
  addEventListener("beforeprint", () => { opened = folded(); opened.forEach((part) => { part.open = true; }); });
  addEventListener("afterprint", () => { opened.forEach((part) => { part.open = false; }); opened = []; });
  const button = (style, words, act) => {
    const made = document.createElement("button");
    made.type = "button"; made.className = style; made.textContent = words;
    made.addEventListener("click", () => act(made));
    return made;
  };
  const steps = document.querySelector(".steps");
  if (steps) {
    const parts = [...steps.querySelectorAll("details")];
    steps.before(button("all", "Open every step", (made) => {
      const open = parts.some((part) => !part.open);
      parts.forEach((part) => { part.open = open; });
      made.textContent = open ? "Close every step" : "Open every step";
    }));
  }
  if (navigator.clipboard && isSecureContext) {
    document.querySelectorAll(".commands pre").forEach((line) => {
      line.prepend(button("copy", "Copy", async (made) => {
        await navigator.clipboard.writeText(line.querySelector("code").textContent);
        made.textContent = "Copied";
      }));
    });
  }
})();
