// Opened as a file, the page cannot load its modules: say what to do.
if (location.protocol === "file:")
  document.getElementById("loading-text").textContent =
    "This page needs a web server. Run in its folder: python -m http.server, and open http://localhost:8000";
