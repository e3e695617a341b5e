// Tells the portal to look at the attempt, and closes the window. The portal asks the server and trusts nothing said here.
const main = document.querySelector("main");
const { attempt, origin } = main.dataset;

if (attempt) {
  const message = { type: "evergrant", attempt };
  if (origin && window.opener) {
    window.opener.postMessage(message, origin);
  }
  const channel = new BroadcastChannel(`eg:${attempt}`);
  channel.postMessage(message);
  channel.close();
  // Long enough to read "Connected"; a browser that does not let us close leaves the button.
  setTimeout(() => window.close(), 1200);
}

document.getElementById("close").addEventListener("click", () => window.close());
