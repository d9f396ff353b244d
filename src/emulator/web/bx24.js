// The portal's script for the pages of applications, served at `/api/v1/`: only the part that an installer needs.
//
// An application's page has another origin and cannot act on the portal itself: it sends a message to the page around its
// frame, which knows the application of the frame and acts.

window.BX24 = {
  /// Calls back once the page is loaded.
  init(ready) {
    if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", () => ready());
    else setTimeout(ready);
  },

  /// Finishes the installation: from now on the portal sends events.
  installFinish() {
    window.parent.postMessage("BX24.installFinish", "*");
  },
};
