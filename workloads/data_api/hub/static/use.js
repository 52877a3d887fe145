// The tenant's dashboard, shown by Superset in a frame: it is given a port, and over it a guest's token before each ends.

import { send } from "./api.js";
import { asOf, insist } from "./page.js";

const frame = document.getElementById("dashboard");
const origin = new URL(frame.dataset.src).origin;

/** Seconds before its end at which a token is replaced. */
const EARLY = 60;

async function renew(port) {
  await insist(async () => {
    const { token, seconds } = await send("POST", "/hub/guest");
    port.postMessage({ switchboardAction: "emit", method: "guestToken", args: { guestToken: token } });
    asOf(new Date().toISOString());
    setTimeout(() => renew(port), (seconds - EARLY) * 1000);
  });
}

frame.addEventListener("load", () => {
  const { port1, port2 } = new MessageChannel();
  frame.contentWindow.postMessage({ type: "__embedded_comms__", handshake: "port transfer" }, origin, [port2]);
  port1.start();
  renew(port1);
});
frame.src = frame.dataset.src;
