// The portal's script for the pages of applications, served at `/api/v1/`: as much of it as an installer needs.
//
// An application's page is of another origin, so it does not act on the portal itself: it tells the page around its
// frame, and that page, which knows whose frame it is, does it.

window.BX24 = {
  /// Calls back once the page stands.
  init(ready) {
    if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", () => ready());
    else setTimeout(ready);
  },

  /// Ends the installation: from now on the portal sends events.
  installFinish() {
    window.parent.postMessage("BX24.installFinish", "*");
  },
};
