// Before anything is drawn: the theme that was chosen, if one was; else the system's holds.
(() => {
  let chosen = null;
  try { chosen = localStorage.getItem("synth-theme"); } catch { /* no storage: the system's theme */ }
  const root = document.documentElement;
  if (chosen === "light" || chosen === "dark") root.dataset.theme = chosen;
  root.classList.add("scripted");
})();
